"""Surface C's calls: made once for all who ask the same at the same time, remembered for a moment, accounted for."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

from prometheus_client import Counter
from tieline.clock import Clock
from tieline.provider_client import ProviderAnswer, ProviderCall

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers.errors import (
    NotConfiguredError,
    RateLimitedError,
    UnknownError,
    UpstreamError,
    timed_out,
)
from tieline_sync.handlers.answer_cache import AnswerCache, Asked
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.provider_ports import Provider, ProviderReply
from tieline_sync.ports import Integrations

WRITES = frozenset({"pagerduty.acknowledge", "linear.create_issue"})
MOST_LIMITED = 10_000

CALLS = Counter(
    "tieline_provider_calls_total", "Calls of surface C by operation and outcome.", ["operation", "outcome"]
)


class ProviderCalls:
    """Makes calls. `timeout` covers all that one operation needs of the provider, a token included."""

    def __init__(
        self,
        *,
        integrations: Integrations,
        providers: Mapping[str, Provider],
        health: HealthLog,
        clock: Clock,
        timeout: timedelta,
        keep: timedelta,
    ) -> None:
        self._integrations = integrations
        self._providers = providers
        self._health = health
        self._clock = clock
        self._timeout = timeout
        self._cache = AnswerCache(keep)
        self._under_way: dict[Asked, asyncio.Task[ProviderAnswer]] = {}
        self._limited: OrderedDict[tuple[str, int], datetime] = OrderedDict()

    async def __call__(self, call: ProviderCall) -> ProviderAnswer:
        """Return the provider's answer.

        Raises ProviderCallError, RegistryUnavailableError, DatabaseUnavailableError. A caller that goes away does not
        stop what others wait for.
        """
        if call.operation.operation in WRITES:
            return await self._write(call)
        asked = Asked(call.workspace_id, call.integration_id, call.revision, call.operation.model_dump_json())
        known = None if call.fresh else self._cache.find(asked, self._clock())
        if known is not None:
            CALLS.labels(call.operation.operation, "remembered").inc()
            return known
        task = self._under_way.get(asked)
        if task is None or call.fresh:
            task = asyncio.create_task(self._read(call, asked))
            self._under_way[asked] = task
            task.add_done_callback(lambda done: self._ended(asked, done))
        else:
            CALLS.labels(call.operation.operation, "shared").inc()
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, asked: Asked, task: "asyncio.Task[ProviderAnswer]") -> None:
        if self._under_way.get(asked) is task:
            del self._under_way[asked]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may be left who does

    async def _read(self, call: ProviderCall, asked: Asked) -> ProviderAnswer:
        reply = await self._performed(call)
        answer = ProviderAnswer(document=reply.document, next_cursor=reply.next_cursor)
        if self._under_way.get(asked) is not asyncio.current_task():
            return answer  # something was written meanwhile, or read later
        return self._cache.put(asked, answer, self._clock())

    async def _write(self, call: ProviderCall) -> ProviderAnswer:
        try:
            reply = await self._performed(call)
        finally:
            self._forget(call.integration_id)  # also when it failed: it may have been done all the same
        return ProviderAnswer(document=reply.document)

    def _forget(self, integration_id: str) -> None:
        self._cache.forget(integration_id)
        for asked in [one for one in self._under_way if one.integration_id == integration_id]:
            del self._under_way[asked]

    async def _performed(self, call: ProviderCall) -> ProviderReply:
        self._check_rest(call)
        facts = await self._integrations.find(call.workspace_id, call.integration_id)
        if facts is None:
            raise UnknownError("integration")
        provider = self._providers.get(call.operation.operation.partition(".")[0])
        if provider is None or facts.integration.provider != call.operation.operation.partition(".")[0]:
            raise UnknownError("integration")
        if not facts.integration.enabled:
            raise NotConfiguredError("The integration is switched off")
        try:
            reply = await self._in_time(provider, facts, call)
        except UpstreamError as error:
            self._note(call, facts, error)
            raise
        self._health.note_success(facts.integration)
        CALLS.labels(call.operation.operation, "answered").inc()
        return reply

    async def _in_time(self, provider: Provider, facts: Facts, call: ProviderCall) -> ProviderReply:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await provider.perform(facts, call.operation)
        except TimeoutError as error:
            raise timed_out(self._timeout) from error

    def _note(self, call: ProviderCall, facts: Facts, error: UpstreamError) -> None:
        self._health.note_failure(facts.integration, error)
        CALLS.labels(call.operation.operation, "limited" if isinstance(error, RateLimitedError) else "failed").inc()
        if isinstance(error, RateLimitedError):
            key = (call.integration_id, facts.integration.revision)
            self._limited[key] = self._clock() + error.wait
            self._limited.move_to_end(key)
            if len(self._limited) > MOST_LIMITED:
                self._limited.popitem(last=False)

    def _check_rest(self, call: ProviderCall) -> None:
        """Raise without calling while the provider has asked for quiet, or has failed too often in a row."""
        now = self._clock()
        until = self._limited.get((call.integration_id, call.revision))
        if until is not None and now < until:
            raise RateLimitedError(until - now)
        self._health.admit(call.workspace_id, call.integration_id, call.revision)
