"""Tokens that stay fresh: got once for all callers of all replicas, renewed before they expire or once refused.

In memory first; then in the shared store; then from the token endpoint, by whoever gets the slot's lease. Callers in
this process share one look-up per slot.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from tieline.clock import Clock
from tieline.contracts.integrations import Integration
from tieline.observability.refreshes import refresh_failed

from tieline_sync.domain.providers.errors import (
    CredentialsRefusedError,
    ProviderCallError,
    RateLimitedError,
    UpstreamError,
)
from tieline_sync.domain.providers.tokens import Grant, Token, refusal_of
from tieline_sync.handlers.provider_ports import (
    Naming,
    Rotation,
    TokenEndpoint,
    TokenFailure,
    TokenSlot,
    TokenStore,
)

LEASE = timedelta(seconds=20)  # longer than a call to a token endpoint may take
FIRST_LOOK, LONGEST_LOOK = timedelta(milliseconds=20), timedelta(milliseconds=250)
REFUSED_FOR = timedelta(seconds=15)
FAILED_FOR = timedelta(seconds=1)
MOST_REMEMBERED = 10_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a caller asks for: a token of a slot that is not the refused one."""

    integration: Integration = field(repr=False)
    grant: Grant = field(repr=False)
    key: str
    origin: str
    after_generation: int


@dataclass(frozen=True, slots=True)
class _Remembered:
    origin: str
    token: Token = field(repr=False)


class Tokens:
    """Gives out tokens. `new_id` makes ids of single requests."""

    def __init__(
        self,
        *,
        store: TokenStore,
        endpoint: TokenEndpoint,
        rotation: Rotation,
        naming: Naming,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._endpoint = endpoint
        self._rotation = rotation
        self._naming = naming
        self._clock = clock
        self._new_id = new_id
        self._memory: OrderedDict[str, _Remembered] = OrderedDict()
        self._looking: dict[tuple[str, str, int], asyncio.Task[Token]] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}

    async def get(self, integration: Integration, grant: Grant, *, refused: Token | None = None) -> Token:
        """Return a token that is good now and, if one was `refused`, is another.

        Raises UpstreamError and its subclasses, DatabaseUnavailableError, NotConfiguredError.
        """
        whose = (integration.workspace_id, integration.id)
        origin = self._naming.name(*whose, *grant.origin)
        wanted = _Wanted(
            integration,
            grant,
            # Tokens that follow from each other share a slot; others have one for each set of credentials.
            key=self._naming.name(*whose, *grant.slot, *(() if grant.rotates else (origin,))),
            origin=origin,
            after_generation=-1 if refused is None else refused.generation,
        )
        known = self._memory.get(wanted.key)
        if known is not None and known.origin == origin and self._is_good(known.token, wanted):
            return known.token
        flight = (wanted.key, origin, wanted.after_generation)
        looking = self._looking.get(flight)
        if looking is None:
            looking = asyncio.create_task(self._look(wanted))
            self._looking[flight] = looking
            looking.add_done_callback(lambda done: self._found(flight, done))
        return await asyncio.shield(looking)

    def _found(self, flight: tuple[str, str, int], looking: "asyncio.Task[Token]") -> None:
        self._looking.pop(flight, None)
        if not looking.cancelled():
            looking.exception()  # whoever waited has it; nobody may be left who does

    async def close(self) -> None:
        """Let what is under way end."""
        pending = [*self._looking.values(), *self._keeping.values()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    def _is_good(self, token: Token, wanted: _Wanted) -> bool:
        return token.generation > wanted.after_generation and token.is_fresh(self._clock())

    async def _look(self, wanted: _Wanted) -> Token:
        pause = FIRST_LOOK
        until = self._clock() + LEASE
        while True:
            slot = await self._store.find(wanted.key)
            current = self._current(slot, wanted)
            if current is not None and self._is_good(current, wanted):
                await self._see_to_saving(slot, wanted, current)
                return self._remember(wanted, current)
            _raise_known_failure(slot, wanted, self._clock())
            leased = await self._store.lease(slot, now=self._clock(), ttl=LEASE)
            if leased is not None:
                return await self._renewed(leased, wanted, current)
            if self._clock() >= until:
                raise UpstreamError("No token could be got in time")
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, LONGEST_LOOK)

    def _current(self, slot: TokenSlot, wanted: _Wanted) -> Token | None:
        """Return the latest token there is: the stored one, unless the credentials have been replaced since."""
        return slot.token if slot.token and wanted.origin in slot.origins else wanted.grant.held()

    async def _renewed(self, slot: TokenSlot, wanted: _Wanted, current: Token | None) -> Token:
        try:
            got = await self._asked(wanted.grant, current)
        except ProviderCallError as error:
            refresh_failed("provider_token")
            await self._store.fail(slot, self._failure(error, wanted))
            if current is not None and self._still_works(current, wanted):
                log.warning("a token could not be renewed early", extra={"integration": wanted.integration.id})
                return current
            raise
        token = replace(got, generation=slot.generation + 1)
        must_save = wanted.grant.rotates and (current is None or token.refresh_token != current.refresh_token)
        after = self._naming.name(
            wanted.integration.workspace_id, wanted.integration.id, *wanted.grant.origin_after(token)
        )
        renewed = replace(
            slot,
            token=token,
            generation=token.generation,
            origins=(wanted.origin, after),
            failure=None,
            unsaved=slot.unsaved or must_save,
        )
        if not await self._store.save(renewed, now=self._clock()):
            log.warning("a token came after its lease had run out", extra={"integration": wanted.integration.id})
        if must_save:  # what has not changed need not make a new revision of the integration each time
            self._keep(wanted, token)
        return self._remember(wanted, token)

    async def _asked(self, grant: Grant, before: Token | None) -> Token:
        request = grant.request(now=self._clock(), unique=self._new_id(), before=before)
        document = await self._endpoint.ask(request)
        token = grant.read(document, now=self._clock(), before=before)
        if token is not None:
            return token
        code = refusal_of(document)
        if code is not None:
            raise CredentialsRefusedError(f"The token endpoint refuses the credentials ({code})")
        raise UpstreamError("The token endpoint's answer holds no token", is_outage=False)

    def _failure(self, error: ProviderCallError, wanted: _Wanted) -> TokenFailure:
        kind, wait = _kind_and_wait(error)
        return TokenFailure(origin=wanted.origin, until=self._clock() + wait, kind=kind, details=str(error))

    def _still_works(self, token: Token, wanted: _Wanted) -> bool:
        return token.generation > wanted.after_generation and (
            token.expires_at is None or self._clock() < token.expires_at
        )

    async def _see_to_saving(self, slot: TokenSlot, wanted: _Wanted, token: Token) -> None:
        """Go on where a replica that got this token has left off."""
        if not slot.unsaved:
            return
        if wanted.origin == slot.origins[-1]:  # the registry gave us the very token
            await self._store.note_saved(slot.key, slot.generation)
        else:
            self._keep(wanted, token)

    def _keep(self, wanted: _Wanted, token: Token) -> None:
        """Have the registry told, in the background; what fails is tried again when the token is looked up next."""
        if wanted.key in self._keeping:
            return

        async def keep() -> None:
            if await self._rotation.keep(wanted.integration, wanted.grant, token):
                await self._store.note_saved(wanted.key, token.generation)

        task = asyncio.create_task(keep(), name="keep a rotated token")
        self._keeping[wanted.key] = task
        task.add_done_callback(lambda done: self._kept(wanted.key, done))

    def _kept(self, key: str, task: "asyncio.Task[None]") -> None:
        self._keeping.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a rotated token is not saved with its integration yet", extra={"reason": type(error).__name__})

    def _remember(self, wanted: _Wanted, token: Token) -> Token:
        self._memory[wanted.key] = _Remembered(wanted.origin, token)
        self._memory.move_to_end(wanted.key)
        if len(self._memory) > MOST_REMEMBERED:
            self._memory.popitem(last=False)
        return token


def _kind_and_wait(error: ProviderCallError) -> tuple[Literal["refused", "limited", "failed"], timedelta]:
    if isinstance(error, RateLimitedError):
        return "limited", error.wait
    return ("refused", REFUSED_FOR) if isinstance(error, CredentialsRefusedError) else ("failed", FAILED_FOR)


def _raise_known_failure(slot: TokenSlot, wanted: _Wanted, now: datetime) -> None:
    failure = slot.failure
    if failure is None or failure.origin != wanted.origin or now >= failure.until:
        return
    if failure.kind == "limited":
        raise RateLimitedError(failure.until - now)
    raise CredentialsRefusedError(failure.details) if failure.kind == "refused" else UpstreamError(failure.details)
