"""One command against the working set: what it changes, and what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from tieline.contracts.audit import AuditChange
from tieline.contracts.commands import (
    CreateWorkspace,
    DeleteIntegration,
    DeleteRoute,
    IssueApiKey,
    Reply,
    RevokeApiKey,
    SaveIntegrations,
    SaveRoute,
    SetProjects,
)

from tieline_registry.domain import audit, integrations, routes, workspaces
from tieline_registry.domain.integrations import Cause
from tieline_registry.domain.limits import Limits
from tieline_registry.domain.refusals import RefusedError, refused
from tieline_registry.domain.state import PlainSecret, WorkingSet, WorkspaceState

KnownCommand = (
    CreateWorkspace
    | IssueApiKey
    | RevokeApiKey
    | SaveIntegrations
    | DeleteIntegration
    | SaveRoute
    | DeleteRoute
    | SetProjects
)

OpenedSecrets = Sequence[Mapping[str, PlainSecret]]
"""The secrets of a command's drafts, in their order, by path."""

Applied = tuple[Reply, list[AuditChange]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of one command: its reply, also as the JSON that is stored and sent, and what the audit keeps."""

    command: KnownCommand
    reply: Reply
    reply_json: bytes
    changes: Sequence[AuditChange] = ()


def decide(
    working: WorkingSet, command: KnownCommand, secrets: OpenedSecrets, *, now: datetime, limits: Limits
) -> Decision:
    """Apply `command` to the working set, whole or, when it is refused, not at all."""
    cause = Cause(command_id=command.command_id, issued_by=command.issued_by, now=now)
    before = working.workspaces.get(command.workspace_id)
    trial = None if before is None else before.copy()
    try:
        reply, changes = _applied(working, trial, command, secrets=secrets, cause=cause, limits=limits)
        reply_json = reply.to_json()
        if len(reply_json) > limits.reply_bytes:
            raise refused(
                "limit_reached", "what is saved is too large", bytes=len(reply_json), limit=limits.reply_bytes
            )
    except RefusedError as error:
        reply = Reply(command_id=command.command_id, refusal=error.refusal)
        return Decision(command=command, reply=reply, reply_json=reply.to_json())
    if trial is not None:
        working.workspaces[command.workspace_id] = trial
    working.taken |= _claimed(command, changes)
    return Decision(command=command, reply=reply, reply_json=reply_json, changes=changes)


def _claimed(command: KnownCommand, changes: Sequence[AuditChange]) -> set[str]:
    claimed = {change.id for change in changes if change.action == "created"}
    if isinstance(command, CreateWorkspace | IssueApiKey) and command.key is not None:
        claimed.add(command.key.hash)
    return claimed


def _applied(
    working: WorkingSet,
    state: WorkspaceState | None,
    command: KnownCommand,
    *,
    secrets: OpenedSecrets,
    cause: Cause,
    limits: Limits,
) -> Applied:
    if isinstance(command, CreateWorkspace):
        return _create_workspace(working, command, cause)
    if state is None:
        raise refused("workspace_not_found", "no such workspace", id=command.workspace_id)
    if isinstance(command, SaveIntegrations):
        return _save_integrations(working, state, command, secrets=secrets, cause=cause, limits=limits)
    results, change = _changed_one(working, state, command, cause, limits)
    return Reply(command_id=command.command_id, **results), [change]


def _changed_one(
    working: WorkingSet,
    state: WorkspaceState,
    command: DeleteIntegration | SaveRoute | DeleteRoute | IssueApiKey | RevokeApiKey | SetProjects,
    cause: Cause,
    limits: Limits,
) -> tuple[dict[str, Any], AuditChange]:
    match command:
        case DeleteIntegration():
            integration = integrations.delete(state, command)
            return {"deleted_id": integration.id}, audit.integration_deleted(integration)
        case SaveRoute():
            was = state.routes.get(command.route_id)
            saved = routes.save(state, command, cause, taken=working.taken, most=limits.routes)
            return {"route": saved}, audit.route_saved(was.route if was else None, saved)
        case DeleteRoute():
            route = routes.delete(state, command)
            return {"deleted_id": route.id}, audit.route_deleted(route)
        case IssueApiKey():
            key = workspaces.issue_key(state, command.key, cause, taken=working.taken, most=limits.api_keys)
            return {"api_key": key}, audit.key_issued(key)
        case RevokeApiKey():
            key = workspaces.revoke_key(state, command, cause)
            return {"api_key": key}, audit.key_revoked(key)
        case SetProjects():
            workspace = workspaces.set_projects(state, command)
            return {"workspace": workspace}, audit.projects_set(workspace)
        case _:
            assert_never(command)


def _create_workspace(working: WorkingSet, command: CreateWorkspace, cause: Cause) -> Applied:
    created = workspaces.create(working, command, cause)
    reply = Reply(command_id=command.command_id, workspace=created.workspace, api_key=created.key)
    if not created.is_new:
        return reply, []
    return reply, [
        audit.workspace_created(created.workspace),
        *([audit.key_issued(created.key)] if created.key else []),
    ]


def _save_integrations(
    working: WorkingSet,
    state: WorkspaceState,
    command: SaveIntegrations,
    *,
    secrets: OpenedSecrets,
    cause: Cause,
    limits: Limits,
) -> Applied:
    saved, changes = [], []
    for draft, opened in zip(command.drafts, secrets, strict=True):
        one = integrations.save_draft(state, draft, opened, cause, taken=working.taken, most=limits.integrations)
        saved.append(one)
        changes.append(audit.integration_saved(one.before, one.after, opened))
    reply = Reply(
        command_id=command.command_id,
        integrations=[state.integrations[one.after.id].integration for one in saved],
        created=[one.before is None for one in saved],
    )
    return reply, changes
