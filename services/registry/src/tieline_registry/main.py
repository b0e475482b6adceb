"""The process, and the job that applies the indexes."""

from collections.abc import Sequence

from tieline.service import commands

from tieline_registry.bootstrap import create_app, create_indexes
from tieline_registry.settings import RegistrySettings


def run(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM; with `apply-indexes`, create the indexes that are missing and end."""
    commands.run(
        arguments,
        service="registry",
        settings_type=RegistrySettings,
        create_app=create_app,
        create_indexes=create_indexes,
    )
