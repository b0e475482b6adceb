"""A command that is refused changes nothing; its reply says why."""

from typing import Any, Literal

from tieline.contracts.commands import Refusal

Code = Literal[
    "workspace_not_found",
    "integration_not_found",
    "route_not_found",
    "api_key_not_found",
    "name_taken",
    "provider_immutable",
    "revision_conflict",
    "idempotency_key_reused",
    "limit_reached",
    "invalid",
]


class RefusedError(Exception):
    """Ends a decision; carries the refusal that is answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refused(code: Code, message: str, **facts: Any) -> RefusedError:
    """Return the error to raise."""
    return RefusedError(Refusal(code=code, message=message, facts=facts))
