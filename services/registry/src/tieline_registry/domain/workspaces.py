"""Creating workspaces, naming their projects, issuing and revoking API keys."""

import re
from dataclasses import dataclass
from typing import Final

from tieline.contracts.commands import ApiKey, CreateWorkspace, NewApiKey, RevokeApiKey, SetProjects, Workspace

from tieline_registry.domain.integrations import Cause
from tieline_registry.domain.refusals import refused
from tieline_registry.domain.state import StoredKey, WorkingSet, WorkspaceState

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LOOKS_LIKE_AN_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LONGEST_NAME: Final = 256
MOST_PROJECTS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The workspace that has the slug now, whether it is new, and the key the command carries, if it has it."""

    workspace: Workspace
    is_new: bool
    key: ApiKey | None


def create(working: WorkingSet, command: CreateWorkspace, cause: Cause) -> Created:
    """Create a workspace with its first key, or return the one that has the slug, which gets no key.

    Raises RefusedError.
    """
    existing = working.by_slug(command.slug)
    if existing is not None:
        held = existing.api_keys.get(command.key.key_id) if command.key else None
        return Created(workspace=existing.workspace, is_new=False, key=held.key if held else None)
    if not _SLUG.fullmatch(command.slug) or _LOOKS_LIKE_AN_ID.fullmatch(command.slug):
        raise refused("invalid", "a slug is 1 to 128 letters, digits, dots, dashes, underscores, and no UUID")
    if not 1 <= len(command.name) <= LONGEST_NAME:
        raise refused("invalid", f"a workspace's name has 1 to {LONGEST_NAME} characters")
    if command.workspace_id in working.workspaces:
        raise refused("invalid", "the id for the new workspace is taken", workspace_id=command.workspace_id)
    workspace = Workspace(id=command.workspace_id, slug=command.slug, name=command.name, created_at=cause.now)
    state = WorkspaceState(workspace=workspace, is_new=True)
    key = issue_key(state, command.key, cause, taken=working.taken, most=1) if command.key else None
    working.workspaces[workspace.id] = state
    return Created(workspace=workspace, is_new=True, key=key)


def set_projects(state: WorkspaceState, command: SetProjects) -> Workspace:
    """Name the workspace's projects, in place of those named before; routes stay as they are. Raises RefusedError."""
    projects = sorted(set(command.projects))
    if len(projects) > MOST_PROJECTS:
        raise refused("limit_reached", f"a workspace names {MOST_PROJECTS} projects at most", limit=MOST_PROJECTS)
    if not all(1 <= len(each) <= LONGEST_NAME for each in projects):
        raise refused("invalid", f"a project's id or name has 1 to {LONGEST_NAME} characters")
    state.save_workspace(state.workspace.model_copy(update={"projects": projects}))
    return state.workspace


def issue_key(state: WorkspaceState, given: NewApiKey, cause: Cause, *, taken: set[str], most: int) -> ApiKey:
    """Store a new key. Raises RefusedError."""
    if given.key_id in taken or given.hash in taken or given.key_id in state.api_keys:
        raise refused("invalid", "the key, or its id, exists already", key_id=given.key_id)
    if any(given.hash == held.hash for held in state.api_keys.values()):
        raise refused("invalid", "the key, or its id, exists already", key_id=given.key_id)
    if state.counts.api_keys >= most:
        raise refused("limit_reached", f"a workspace holds {most} API keys at most", limit=most)
    key = ApiKey(
        id=given.key_id,
        workspace_id=state.workspace.id,
        name=given.name,
        hint=given.hint,
        user_id=given.user_id,
        permissions=sorted({permission.lower() for permission in given.permissions}),
        created_at=cause.now,
        expires_at=given.expires_at,
    )
    state.save_api_key(StoredKey(key=key, hash=given.hash))
    return key


def revoke_key(state: WorkspaceState, command: RevokeApiKey, cause: Cause) -> ApiKey:
    """Revoke a key; revoking it again changes nothing. Raises RefusedError."""
    held = state.api_keys.get(command.key_id)
    if held is None:
        raise refused("api_key_not_found", "no such API key", id=command.key_id)
    if held.key.revoked_at is not None:
        return held.key
    revoked = held.key.model_copy(update={"revoked_at": cause.now})
    state.save_api_key(StoredKey(key=revoked, hash=held.hash))
    return revoked
