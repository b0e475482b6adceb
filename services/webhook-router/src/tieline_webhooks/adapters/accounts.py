"""The workspaces' accounts on channels: their integrations, opened by the registry, in memory for a short while."""

import asyncio
import time
from collections import OrderedDict

from tieline.contracts.integrations import Integration
from tieline.registry_client import RegistryClient

from tieline_webhooks.domain.channels import SECRET_PATHS, Account, base_url
from tieline_webhooks.domain.deliveries import Blocked, Parked
from tieline_webhooks.domain.integrations import IntegrationTable

REMEMBERED_SECONDS = 60.0
MOST_REMEMBERED = 10_000


class RegistryAccounts:
    """Opens integrations through the registry. A changed integration is opened anew."""

    def __init__(self, registry: RegistryClient, integrations: IntegrationTable) -> None:
        self._registry = registry
        self._integrations = integrations
        self._known: OrderedDict[str, tuple[float, int, Account | Blocked]] = OrderedDict()
        self._opening: dict[tuple[str, int], asyncio.Task[Account | Blocked]] = {}

    async def of(self, workspace_id: str, channel: str) -> Account | Blocked:
        """Return the workspace's account on a channel, or why there is none. Raises RegistryUnavailableError."""
        configured = self._integrations.of_workspace(workspace_id, channel)
        if not configured:
            return Blocked(reason=Parked.NOT_CONFIGURED, detail=f"no {channel} integration is configured")
        usable = [each for each in configured if each.enabled]
        if not usable:
            return Blocked(reason=Parked.INTEGRATION_DISABLED, detail=f"the {channel} integration is disabled")
        integration = min(usable, key=lambda each: (not _has_secret(each), each.created_at, each.id))
        known = self._remembered(integration)
        if known is not None:
            return known
        key = (integration.id, integration.revision)
        opening = self._opening.get(key)
        if opening is None:  # many deliveries may want the same account at once; one asks
            opening = self._opening[key] = asyncio.create_task(self._open(integration))
            opening.add_done_callback(lambda _: self._opening.pop(key, None))
        return await asyncio.shield(opening)

    def _remembered(self, integration: Integration) -> Account | Blocked | None:
        until, revision, known = self._known.get(integration.id, (0.0, 0, None))
        return known if revision == integration.revision and time.monotonic() < until else None

    def _remember(self, integration: Integration, account: Account | Blocked) -> None:
        self._known[integration.id] = (time.monotonic() + REMEMBERED_SECONDS, integration.revision, account)
        self._known.move_to_end(integration.id)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)

    async def _open(self, integration: Integration) -> Account | Blocked:
        account = await self._opened(integration)
        self._remember(integration, account)
        return account

    async def _opened(self, integration: Integration) -> Account | Blocked:
        channel = integration.provider
        found = await self._registry.open_credentials(integration.workspace_id, integration.id)
        secrets = {} if found is None else found.secrets
        secret = next((secrets[path] for path in SECRET_PATHS[channel] if secrets.get(path)), None)
        if secret is None:
            return Blocked(reason=Parked.NOT_CONFIGURED, detail=f"the {channel} integration has no credential")
        return Account(
            workspace_id=integration.workspace_id,
            integration_id=integration.id,
            revision=integration.revision,
            channel=channel,
            base_url=base_url(channel, integration.config.get("base_url")),
            secret=secret,
            config=integration.config,
        )


def _has_secret(integration: Integration) -> bool:
    return any(path in integration.secret_paths for path in SECRET_PATHS[integration.provider])
