"""Waiting for something to become true, bounded, instead of sleeping and hoping."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(look: Callable[[], Awaitable[T]], *, within: float = ..., every: float = ...) -> T: ...


@overload
async def eventually(look: Callable[[], T], *, within: float = ..., every: float = ...) -> T: ...


async def eventually(
    look: Callable[[], Awaitable[T]] | Callable[[], T], *, within: float = 20.0, every: float = 0.02
) -> T:
    """Return the first truthy result of `look`; fails with the last one after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        result: T = await found if isinstance(found, Awaitable) else found
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"still {result!r} after {within} s")
        await asyncio.sleep(every)
