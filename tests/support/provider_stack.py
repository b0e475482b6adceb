"""Gateway, registry, sync workers and stand-ins for providers, all in one thread on the session's servers."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
from pydantic import SecretStr
from starlette.types import ASGIApp
from tieline.settings import OutgoingSettings
from tieline_simulators import LinearSimulator, PagerDutySimulator, SentrySimulator, running
from tieline_simulators.stand_in import StandIn
from tieline_sync import bootstrap as sync_worker
from tieline_sync.settings import ProviderSettings, SealingSettings, SyncSettings

from tests.support.gateway_stack import Caller, GatewayStack

TIMEOUT = timedelta(seconds=20)
"""How long a provider may take here: everything runs in this process, which others may keep from running."""


@dataclass
class ProviderStack:
    """The running whole. `stand_ins` are the simulated vendors, `addresses` where they listen."""

    gateway: GatewayStack
    worker_urls: list[str] = field(default_factory=list)
    gateway_url: str = ""
    stand_ins: dict[str, StandIn] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def settings(self, **blocks: Any) -> SyncSettings:
        """Return a worker's settings; `blocks` replace whole blocks."""
        chosen: dict[str, Any] = {
            "internal": self.gateway.internal(),
            "outgoing": OutgoingSettings(timeout=TIMEOUT, allow_http=True, dangerous_allow_private_addresses=True),
            "secrets": SealingSettings(sealing_public_key=SecretStr(self.gateway.keys.sealing_public_key)),
            "providers": ProviderSettings(keep_answers=timedelta(seconds=5)),
            **blocks,
        }
        return SyncSettings(kafka=self.gateway.kafka, mongo=self.gateway.mongo, **chosen)

    @contextmanager
    def worker(self, **blocks: Any) -> Iterator[str]:
        """Run one more worker; the value is its address."""
        app, _health = sync_worker.create_app(self.settings(**blocks))
        with self.gateway.serve(app) as address:
            yield address

    @contextmanager
    def serve(self, app: ASGIApp) -> Iterator[str]:
        """Serve a provider of the test's own; the value is its address."""
        with self.gateway.serve(app, wait=False) as address:
            yield address

    def caller(self) -> Caller:
        """Return someone who may do everything in a fresh workspace, at the gateway that knows the worker."""
        return self.gateway.workspace(url=self.gateway_url)

    def forget(self) -> None:
        """End all trouble of the stand-ins, and forget what they have received."""
        for stand_in in self.stand_ins.values():
            stand_in.faults.clear()
            stand_in.received.clear()
            stand_in.configure({"tokens": None, "limit": None})

    def worker_client(self, number: int = 0) -> httpx2.AsyncClient:
        """Return a client for a worker's internal interface."""
        token = self.gateway.internal().token.get_secret_value()
        headers = {"authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(base_url=self.worker_urls[number], headers=headers, timeout=30, trust_env=False)


@contextmanager
def provider_stack(gateway: GatewayStack) -> Iterator[ProviderStack]:
    """Run one worker, one gateway that knows it, and the stand-ins."""
    stack = ProviderStack(gateway)
    pagerduty, linear, sentry = PagerDutySimulator(), LinearSimulator(), SentrySimulator()
    stack.stand_ins = {"pagerduty": pagerduty, "linear": linear, "sentry": sentry}
    vendors = AsyncExitStack()
    with ExitStack() as exits:
        stack.addresses = gateway.run(
            vendors.enter_async_context(running(pagerduty=pagerduty, linear=linear, sentry=sentry))
        )
        exits.callback(lambda: gateway.run(vendors.aclose()))
        stack.worker_urls = [exits.enter_context(stack.worker())]
        internal = gateway.internal(sync_worker_url=stack.worker_urls[0])
        stack.gateway_url = exits.enter_context(gateway.another_gateway(internal=internal))
        yield stack
