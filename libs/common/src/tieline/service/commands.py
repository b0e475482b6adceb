"""What a service with a database does when it is run: it serves, or applies its indexes once, for a job."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.types import ASGIApp

from tieline.errors import ConfigurationError, TransientError
from tieline.observability.logs import configure_logs
from tieline.service.health import Health
from tieline.service.run import SettingsT, main
from tieline.settings import load

APPLY_INDEXES: Final = "apply-indexes"


def run(
    arguments: Sequence[str],
    *,
    service: str,
    settings_type: type[SettingsT],
    create_app: Callable[[SettingsT], tuple[ASGIApp, Health]],
    create_indexes: Callable[[SettingsT], Awaitable[None]],
) -> None:
    """Serve until SIGTERM; with `apply-indexes`, create the indexes that are missing and end.

    The service creates them at its start as well; a job may take longer than an operation of a running service may.
    """
    if list(arguments) == [APPLY_INDEXES]:
        sys.exit(_apply_indexes(service, settings_type, create_indexes))
    if arguments:
        print(f"{service}: unknown argument; there is only {APPLY_INDEXES}", file=sys.stderr)  # noqa: T201 - a person reads it
        sys.exit(2)
    main(service=service, settings_type=settings_type, create_app=create_app)


def _apply_indexes(
    service: str, settings_type: type[SettingsT], create_indexes: Callable[[SettingsT], Awaitable[None]]
) -> int:
    """Create the indexes that are missing; return the process's exit code."""

    async def work(settings: SettingsT) -> None:
        await create_indexes(settings)

    try:
        settings = load(settings_type, complete=False)
        configure_logs(settings.log, service=service)
        asyncio.run(work(settings))
    except (ConfigurationError, TransientError) as error:
        print(f"{service}: {error}", file=sys.stderr)  # noqa: T201 - a person, or a job's log, reads it
        return 2 if isinstance(error, ConfigurationError) else 1
    return 0
