"""Issuing and revoking API keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tieline.access import hash_key, hint
from tieline.contracts.commands import ApiKey, IssueApiKey, NewApiKey, RevokeApiKey
from tieline.ids import derived_id

from tieline_gateway.domain.commands import Intent
from tieline_gateway.handlers.ports import Commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A stored key and the key itself, which is shown this once."""

    stored: ApiKey
    api_key: str = field(repr=False)


async def issue(
    commands: Commands, intent: Intent, *, name: str, permissions: Sequence[str], expires_at: datetime | None
) -> Issued:
    """Issue a key that acts for the caller; only its hash leaves this process.

    Safe to repeat with the same intent: it gives the same key. Raises what `Commands.send` raises.
    """
    api_key = commands.api_key(intent)
    new = NewApiKey(
        key_id=derived_id(intent.command_id, "api-key"),
        name=name,
        hash=hash_key(api_key),
        hint=hint(api_key),
        user_id=intent.issued_by,
        permissions=list(permissions),
        expires_at=expires_at,
    )
    reply = await commands.send(IssueApiKey.model_validate({**intent.base(), "key": new}))
    assert reply.api_key is not None  # noqa: S101 - the contract: a reply to this command that is no refusal has it
    return Issued(stored=reply.api_key, api_key=api_key)


async def revoke(commands: Commands, intent: Intent, key_id: str) -> None:
    """Revoke a key; it stops working within 5 s on every replica. Raises what `Commands.send` raises."""
    await commands.send(RevokeApiKey.model_validate({**intent.base(), "key_id": key_id}))
