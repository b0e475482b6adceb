"""Gauges whose value has to be asked for: their owners are asked just before the metrics are read."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

Look = Callable[[], Awaitable[None]]
"""Set gauges to what is true now. May raise: the gauges then keep what they said."""

LOOK_SECONDS = 3.0  # well below Prometheus' usual time-out of 10 s

_looks: list[Look] = []

log = logging.getLogger(__name__)


def look_before_scrapes(look: Look) -> Callable[[], None]:
    """Have `look` awaited before each scrape; return what undoes it."""
    _looks.append(look)

    def undo() -> None:
        if look in _looks:
            _looks.remove(look)

    return undo


async def before_scrape() -> None:
    """Ask all owners, side by side; what does not answer in time is left as it was."""
    await asyncio.gather(*(_bounded(look) for look in tuple(_looks)))


async def _bounded(look: Look) -> None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await look()
    except Exception as error:  # noqa: BLE001 - the outermost loop: one gauge must not hide the others
        log.info("a gauge could not be brought up to date", extra={"reason": str(error) or type(error).__name__})
