"""Integrations with secrets, for tests."""

from datetime import UTC, datetime
from typing import Any

from tieline.contracts.integrations import Integration
from tieline_sync.domain.credentials import Facts

NOW = datetime(2026, 3, 21, 14, 0, tzinfo=UTC)


def facts(provider: str = "rest", secrets: dict[str, str] | None = None, **changes: Any) -> Facts:
    """Return an integration's facts."""
    integration = Integration(
        id="11111111-1111-4111-8111-111111111111",
        workspace_id="22222222-2222-4222-8222-222222222222",
        workspace_slug="org-acme-corp",
        name="shop",
        display_name="Shop",
        provider=provider,
        created_by="user-1",
        created_at=NOW,
        updated_at=NOW,
        **changes,
    )
    return Facts(integration=integration, secrets=secrets or {})
