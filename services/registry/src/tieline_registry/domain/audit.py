"""What the audit log keeps of a change: names, never values."""

from collections.abc import Iterable
from typing import Final

from tieline.contracts.audit import AuditChange
from tieline.contracts.base import Contract
from tieline.contracts.commands import ApiKey, Workspace
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute

_MOVES_BY_ITSELF: Final = {"updated_at", "revision", "secret_paths"}


def workspace_created(workspace: Workspace) -> AuditChange:
    """Describe a new workspace."""
    return AuditChange(kind="workspace", id=workspace.id, name=workspace.slug, action="created")


def projects_set(workspace: Workspace) -> AuditChange:
    """Describe a workspace whose projects were named."""
    return AuditChange(kind="workspace", id=workspace.id, name=workspace.slug, action="updated", fields=["projects"])


def key_issued(key: ApiKey) -> AuditChange:
    """Describe a new API key."""
    return AuditChange(kind="api_key", id=key.id, name=key.name, action="created")


def key_revoked(key: ApiKey) -> AuditChange:
    """Describe a revoked API key."""
    return AuditChange(kind="api_key", id=key.id, name=key.name, action="revoked")


def integration_saved(was: Integration | None, now: Integration, secrets: Iterable[str]) -> AuditChange:
    """Describe a saved integration; `secrets` are the paths of the secrets that were given."""
    gone = set(was.secret_paths) - set(now.secret_paths) if was else set()
    fields = sorted({*(_differing(was, now) if was else ()), *secrets, *gone})
    action = "updated" if was else "created"
    return AuditChange(kind="integration", id=now.id, name=now.name, action=action, fields=fields)


def integration_deleted(was: Integration) -> AuditChange:
    """Describe a deleted integration."""
    return AuditChange(kind="integration", id=was.id, name=was.name, action="deleted")


def route_saved(was: ChannelRoute | None, now: ChannelRoute) -> AuditChange:
    """Describe a saved route."""
    fields = sorted(_differing(was, now)) if was else []
    action = "updated" if was else "created"
    return AuditChange(kind="route", id=now.id, name=now.event_type, action=action, fields=fields)


def route_deleted(was: ChannelRoute) -> AuditChange:
    """Describe a deleted route."""
    return AuditChange(kind="route", id=was.id, name=was.event_type, action="deleted")


def _differing(was: Contract, now: Contract) -> set[str]:
    names = type(now).model_fields.keys() - _MOVES_BY_ITSELF
    return {name for name in names if getattr(was, name) != getattr(now, name)}
