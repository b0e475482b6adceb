"""What a write is before it is a command, and what a refusal means."""

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from tieline.contracts.commands import Refusal

from tieline_gateway.domain.errors import ConflictError, NotFoundError, RequestInvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The identity of one write, common to every command made from it; `repeatable` by its idempotency key."""

    command_id: str
    workspace_id: str
    issued_at: datetime
    issued_by: str
    fingerprint: str
    repeatable: bool = False

    def base(self) -> dict[str, object]:
        """Return the fields every command takes."""
        return {
            "command_id": self.command_id,
            "workspace_id": self.workspace_id,
            "issued_at": self.issued_at,
            "issued_by": self.issued_by,
            "fingerprint": self.fingerprint,
        }


def raise_refusal(refusal: Refusal) -> NoReturn:
    """Raise the gateway's error for what the registry refused."""
    match refusal.code:
        case "integration_not_found":
            raise NotFoundError("integration")
        case "route_not_found":
            raise NotFoundError("route")
        case "api_key_not_found":
            raise NotFoundError("api key")
        case "workspace_not_found":
            raise NotFoundError("workspace")
        case "invalid":
            raise RequestInvalidError.of(("body",), refusal.message)
        case code:
            raise ConflictError(code, refusal.message)
