"""Runs the sync worker as a process."""

from tieline.service.run import main

from tieline_sync.bootstrap import create_app
from tieline_sync.settings import SyncSettings


def run() -> None:
    """Serve until SIGTERM."""
    main(service="sync-worker", settings_type=SyncSettings, create_app=create_app)
