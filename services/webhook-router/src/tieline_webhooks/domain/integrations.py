"""Which workspace and integration a webhook is for, from what the registry has told."""

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import TypeVar

from tieline.contracts.integrations import Integration

WEBHOOK_SECRET = "config.webhook_secret"  # noqa: S105 - the path of the secret, not the secret
INSTALLATION_KEYS = ("installation_id", "installationId", "installation_uuid", "installationUuid")

Key = TypeVar("Key", bound=Hashable)


class IntegrationTable:
    """The integrations of all workspaces by every name that a webhook may give."""

    def __init__(self) -> None:
        self._by_id: dict[str, Integration] = {}
        self._by_provider: dict[tuple[str, str], dict[str, Integration]] = {}
        self._with_secret: dict[str, dict[str, Integration]] = {}
        self._signing: dict[tuple[str, str], dict[str, Integration]] = {}
        self._by_installation: dict[tuple[str, str], dict[str, Integration]] = {}
        self._workspaces: dict[str, tuple[str, int]] = {}
        self._ids: Counter[str] = Counter()

    def put(self, integration: Integration) -> Integration | None:
        """Add an integration, or put it in the place of the one with its id; return that one."""
        before = self.remove(integration.id)
        self._by_id[integration.id] = integration
        key = (integration.workspace_id, integration.provider)
        self._by_provider.setdefault(key, {})[integration.id] = integration
        if has_webhook_secret(integration):
            self._with_secret.setdefault(integration.provider, {})[integration.id] = integration
            if integration.enabled:
                self._signing.setdefault(key, {})[integration.id] = integration
        for installation in _installations(integration):
            self._by_installation.setdefault((integration.provider, installation), {})[integration.id] = integration
        slug = integration.workspace_slug
        self._ids[integration.workspace_id] += 1
        known = self._workspaces.get(slug, (integration.workspace_id, 0))
        self._workspaces[slug] = (integration.workspace_id, known[1] + 1)
        return before

    def remove(self, integration_id: str) -> Integration | None:
        """Take an integration out and return it; an unknown one changes nothing."""
        gone = self._by_id.pop(integration_id, None)
        if gone is None:
            return None
        _drop(self._by_provider, (gone.workspace_id, gone.provider), gone.id)
        _drop(self._with_secret, gone.provider, gone.id)
        _drop(self._signing, (gone.workspace_id, gone.provider), gone.id)
        for installation in _installations(gone):
            _drop(self._by_installation, (gone.provider, installation), gone.id)
        self._ids[gone.workspace_id] -= 1
        if not self._ids[gone.workspace_id]:
            del self._ids[gone.workspace_id]
        workspace_id, integrations = self._workspaces[gone.workspace_slug]
        if integrations == 1:
            del self._workspaces[gone.workspace_slug]
        else:
            self._workspaces[gone.workspace_slug] = (workspace_id, integrations - 1)
        return gone

    def get(self, integration_id: str) -> Integration | None:
        """Return an integration, None if there is none of that id."""
        return self._by_id.get(integration_id)

    def workspace_id(self, reference: str) -> str:
        """Return the id of the workspace that an id or a slug names; what is unknown is taken for an id."""
        known = self._workspaces.get(reference)
        return reference if known is None else known[0]

    def knows_workspace(self, reference: str) -> bool:
        """Tell whether a slug or an id is that of a workspace with integrations."""
        return reference in self._workspaces or reference in self._ids

    def of_workspace(self, reference: str, provider: str) -> list[Integration]:
        """Return the workspace's integrations of a provider."""
        return list(self._by_provider.get((self.workspace_id(reference), provider), {}).values())

    def signing(self, reference: str, provider: str) -> list[Integration]:
        """Return the workspace's integrations of a provider that verify webhooks: enabled, and with a secret."""
        return list(self._signing.get((self.workspace_id(reference), provider), {}).values())

    def of_installation(self, provider: str, installation: str) -> list[Integration]:
        """Return the integrations that name an installation of their provider's app."""
        return list(self._by_installation.get((provider, installation), {}).values())

    def with_webhook_secret(self, provider: str) -> list[Integration]:
        """Return all integrations of a provider that could verify a webhook."""
        return list(self._with_secret.get(provider, {}).values())

    def __iter__(self) -> Iterator[Integration]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)


def has_webhook_secret(integration: Integration) -> bool:
    """Tell whether webhooks of this integration can be verified."""
    return WEBHOOK_SECRET in integration.secret_paths


def _installations(integration: Integration) -> set[str]:
    return {str(found) for key in INSTALLATION_KEYS if (found := integration.config.get(key)) not in (None, "")}


def _drop(table: dict[Key, dict[str, Integration]], key: Key, integration_id: str) -> None:
    entries = table.get(key, {})
    entries.pop(integration_id, None)
    if not entries:
        table.pop(key, None)
