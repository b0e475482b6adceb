"""Tasks that live as long as the process end with it, also those that lose a cancellation."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from tieline.service import background
from tieline.service.background import BackgroundTasks


async def test_task_that_loses_its_first_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CANCEL_AGAIN", timedelta(milliseconds=10))
    told = 0

    async def stubborn() -> None:
        nonlocal told
        while told < 2:
            with suppress(asyncio.CancelledError):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    told += 1
                    raise

    async with BackgroundTasks() as tasks:
        tasks.start("stubborn", stubborn())
        await asyncio.sleep(0)

    assert told == 2


async def test_task_has_time_to_put_things_in_order() -> None:
    steps: list[str] = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            steps.append("tidied")

    async with BackgroundTasks() as tasks:
        tasks.start("tidy", tidy())
        await asyncio.sleep(0)

    assert steps == ["tidied"]
