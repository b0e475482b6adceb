"""The loop that starts the runs of schedules when they are due."""

import asyncio
import logging
from datetime import timedelta

from tieline.errors import TransientError
from tieline.registry_client import RegistryRefusedError

from tieline_sync.handlers.run_schedules import Schedules

AFTER_TROUBLE = timedelta(seconds=5)

log = logging.getLogger(__name__)


async def follow_schedules(schedules: Schedules, *, poll: timedelta) -> None:
    """Start what is due, then look again after `poll`, until cancelled."""
    while True:
        wait = poll
        try:
            while await schedules.start_due():
                pass
        except (TransientError, RegistryRefusedError) as error:
            log.warning("schedules have to wait", extra={"reason": str(error)})
            wait = AFTER_TROUBLE
        await asyncio.sleep(wait.total_seconds())
