"""Whom an API key proves, remembered for a moment.

A revoked key must stop working within 5 s on every replica, so an answer is kept for 2 s at most; the registry's
answer time comes on top. Identical look-ups in flight are made once.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from tieline.access import Principal, hash_key
from tieline.registry_client import RegistryClient

REMEMBERED = timedelta(seconds=2)
MOST_REMEMBERED = 10_000


class KeyResolver:
    """Resolves API keys through the registry with a short, bounded memory of hits and misses.

    Raises RegistryUnavailableError when the registry does not answer: without it nobody can be let in.
    """

    def __init__(self, registry: RegistryClient, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[float, Principal | None]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Principal | None]] = {}

    async def resolve(self, key: str) -> Principal | None:
        """Return the principal of `key`, or None if it is unknown, expired or revoked."""
        hashed = hash_key(key)
        known = self._known.get(hashed)
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        asking = self._asking.get(hashed)
        if asking is None:
            asking = asyncio.create_task(self._ask(hashed, key))
            self._asking[hashed] = asking
            asking.add_done_callback(lambda _: self._asking.pop(hashed, None))
        return await asyncio.shield(asking)

    async def _ask(self, hashed: str, key: str) -> Principal | None:
        asked_at = self._monotonic()
        principal = await self._registry.resolve_key(key)
        self._known[hashed] = (asked_at + REMEMBERED.total_seconds(), principal)
        self._known.move_to_end(hashed)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return principal
