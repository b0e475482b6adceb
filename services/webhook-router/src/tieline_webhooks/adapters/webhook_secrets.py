"""Webhook secrets in memory, fetched from the registry when an integration appears or changes.

A webhook is verified without asking anybody. While a changed secret is being fetched the former one stays good; a
removed one is forgotten at once. Secrets are never printed: this object's `repr` shows their number.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from tieline.contracts.integrations import Integration
from tieline.errors import TielineError
from tieline.observability.refreshes import refresh_failed
from tieline.registry_client import RegistryClient

from tieline_webhooks.domain.integrations import WEBHOOK_SECRET, has_webhook_secret

FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0
MOST_AT_ONCE = 8
MOST_SECRETS = 16  # of one integration while it rotates them

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    revision: int
    values: tuple[str, ...] = field(repr=False)


class WebhookSecrets:
    """The secrets of all integrations that have one. `run` must be running for them to be fetched."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry
        self._known: dict[str, _Known] = {}
        self._wanted: dict[str, Integration] = {}
        self._wake = asyncio.Event()

    def __repr__(self) -> str:
        return f"WebhookSecrets(known={len(self._known)}, wanted={len(self._wanted)})"

    def of(self, integration_id: str) -> Sequence[str] | None:
        """Return an integration's secrets; None while they are not known yet."""
        known = self._known.get(integration_id)
        if known is not None:
            return known.values
        return None if integration_id in self._wanted else ()

    @property
    def missing(self) -> int:
        """Return how many integrations have a secret that is not known yet."""
        return sum(1 for integration_id in self._wanted if integration_id not in self._known)

    def follow(self, integration: Integration) -> None:
        """Take note of an integration as it is now."""
        if not has_webhook_secret(integration):
            self.forget(integration.id)
            return
        known = self._known.get(integration.id)
        if known is None or known.revision != integration.revision:
            self._wanted[integration.id] = integration
            self._wake.set()

    def forget(self, integration_id: str) -> None:
        """Drop the secrets of an integration that is gone or has none any more."""
        self._known.pop(integration_id, None)
        self._wanted.pop(integration_id, None)

    async def run(self) -> None:
        """Fetch what is wanted until cancelled; while the registry is away, try again for ever."""
        wait = FIRST_WAIT
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch = list(self._wanted.values())[:MOST_AT_ONCE]
            fetched = await asyncio.gather(*(self._fetch(integration) for integration in batch))
            if all(fetched):
                wait = FIRST_WAIT
            else:
                await asyncio.sleep(wait * random.uniform(0.8, 1.2))
                wait = min(wait * 2, LONGEST_WAIT)
            if self._wanted:
                self._wake.set()

    async def _fetch(self, integration: Integration) -> bool:
        try:
            found = await self._registry.open_credentials(integration.workspace_id, integration.id)
        except TielineError as error:
            refresh_failed("webhook_secret")
            log.warning(
                "a webhook secret could not be read", extra={"integration": integration.id, "reason": str(error)}
            )
            return False
        if self._wanted.get(integration.id) is not integration:
            return True  # changed or removed meanwhile
        del self._wanted[integration.id]
        value = None if found is None else found.secrets.get(WEBHOOK_SECRET)
        self._known[integration.id] = _Known(integration.revision, _values(value))
        return True


def _values(value: str | None) -> tuple[str, ...]:
    """Return the secrets in a value: itself, or the texts of a JSON list."""
    if not value:
        return ()
    if value.startswith("["):
        try:
            return tuple(filter(None, msgspec.json.decode(value, type=list[str])))[:MOST_SECRETS]
        except msgspec.DecodeError:
            pass  # a secret may begin like a list
    return (value,)
