"""Saving and deleting integrations: drafts and their plain secrets in, sealed commands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieline.contracts.commands import DeleteIntegration, IntegrationDraft, SaveIntegrations
from tieline.contracts.integrations import Integration

from tieline_gateway.domain.commands import Intent
from tieline_gateway.handlers.ports import Commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One saved integration, and whether it is new."""

    integration: Integration
    created: bool


async def save_all(
    commands: Commands, intent: Intent, drafts: Sequence[tuple[IntegrationDraft, Mapping[str, str]]]
) -> list[Saved]:
    """Save all drafts or none; secrets are sealed before they leave this process.

    Safe to repeat with the same intent. Raises what `Commands.send` raises.
    """
    sealed = [draft.model_copy(update={"secrets": commands.seal(intent, secrets)}) for draft, secrets in drafts]
    reply = await commands.send(SaveIntegrations.model_validate({**intent.base(), "drafts": sealed}))
    return [
        Saved(integration=integration, created=created)
        for integration, created in zip(reply.integrations, reply.created, strict=True)
    ]


async def save_one(commands: Commands, intent: Intent, draft: IntegrationDraft, secrets: Mapping[str, str]) -> Saved:
    """Save one draft; see `save_all`."""
    return (await save_all(commands, intent, [(draft, secrets)]))[0]


async def delete(
    commands: Commands, intent: Intent, integration_id: str, *, expected_revision: int | None = None
) -> None:
    """Delete an integration. Safe to repeat with the same intent; raises what `Commands.send` raises."""
    await commands.send(
        DeleteIntegration.model_validate(
            {**intent.base(), "integration_id": integration_id, "expected_revision": expected_revision}
        )
    )
