"""The process, and the job that applies the indexes."""

import asyncio
import sys

from tieline.errors import ConfigurationError, TransientError
from tieline.observability.logs import configure_logs
from tieline.service.run import main
from tieline.settings import load

from tieline_registry.bootstrap import create_app, create_indexes
from tieline_registry.settings import RegistrySettings

APPLY_INDEXES = "apply-indexes"


def run(arguments: list[str]) -> None:
    """Serve the registry until SIGTERM; with `apply-indexes`, create the indexes that are missing and end."""
    if arguments == [APPLY_INDEXES]:
        sys.exit(apply_indexes_once())
    if arguments:
        print(f"registry: unknown argument; there is only {APPLY_INDEXES}", file=sys.stderr)  # noqa: T201 - a person reads it
        sys.exit(2)
    main(service="registry", settings_type=RegistrySettings, create_app=create_app)


def apply_indexes_once() -> int:
    """Create the indexes that are missing; return the process's exit code."""
    try:
        settings = load(RegistrySettings, complete=False)
        configure_logs(settings.log, service="registry")
        asyncio.run(create_indexes(settings))
    except (ConfigurationError, TransientError) as error:
        print(f"registry: {error}", file=sys.stderr)  # noqa: T201 - a person, or a job's log, reads it
        return 2 if isinstance(error, ConfigurationError) else 1
    return 0
