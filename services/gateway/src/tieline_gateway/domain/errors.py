"""Errors of the gateway, independent of any surface's way to say them.

* GatewayError
  - NotAuthenticatedError        no key, or one that proves nobody
  - NotPermittedError            the key lacks a permission, or belongs to another workspace
  - RequestInvalidError          the request's fields are wrong
  - RequestTooLargeError
  - TooManyRequestsError
  - NotFoundError                an integration, route, key … that this workspace does not have
  - ConflictError                a name taken, a revision that moved on, an idempotency key used for something else
  - OrganizationMissingError     surface C's header is not there
  - NotConfiguredError           surface C: the provider has no credentials yet
  - UpstreamError                a provider did not answer as it should
  - OutcomeUnknownError          the command is in the log, its reply did not come in time
  - UnavailableError             a part of Tieline is away
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from tieline.errors import TielineError


class GatewayError(TielineError):
    """Anything the gateway refuses or fails at."""


class NotAuthenticatedError(GatewayError):
    """The caller proved nothing: `missing` tells no key at all from one that is not valid."""

    def __init__(self, *, missing: bool) -> None:
        super().__init__("an API key is required" if missing else "the API key is not valid")
        self.missing = missing


class NotPermittedError(GatewayError):
    """The caller is known but may not do this. `permission` None: it is another workspace's."""

    def __init__(self, permission: str | None) -> None:
        super().__init__(f"permission {permission} is required" if permission else "not this workspace")
        self.permission = permission


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One wrong field. `kind` is pydantic's error type, or `value_error` for rules of our own."""

    loc: tuple[str | int, ...]
    message: str
    kind: str
    input: Any = None
    ctx: dict[str, Any] | None = None


class RequestInvalidError(GatewayError):
    """The request can't be taken as it is; nothing was changed."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, e.loc))}: {e.message}" for e in errors))
        self.errors = tuple(errors)

    @classmethod
    def of(cls, loc: Sequence[str | int], message: str) -> "RequestInvalidError":
        """Return the error for a single field."""
        return cls([FieldError(loc=tuple(loc), message=message, kind="value_error")])


class RequestTooLargeError(GatewayError):
    """The body exceeds the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes")
        self.limit = limit


class TooManyRequestsError(GatewayError):
    """The key asks faster than it may."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("too many requests")
        self.retry_after = retry_after


class NotFoundError(GatewayError):
    """This workspace has no such thing."""

    def __init__(
        self,
        what: Literal[
            "integration",
            "route",
            "api key",
            "workspace",
            "path",
            "run",
            "page",
            "dataset version",
            "schedule",
            "endpoint",
        ],
    ) -> None:
        super().__init__(f"{what} not found")
        self.what = what


class ConflictError(GatewayError):
    """The request collides with what is there."""

    def __init__(
        self,
        reason: Literal[
            "name_taken",
            "revision_conflict",
            "idempotency_key_reused",
            "provider_immutable",
            "limit_reached",
            "run_active",
        ],
        message: str,
    ) -> None:
        super().__init__(message)
        self.reason = reason


class OrganizationMissingError(GatewayError):
    """Surface C's requests name their organization in `x-org-id`."""


class NotConfiguredError(GatewayError):
    """The provider's integration is not configured in this workspace."""

    def __init__(self, provider: str, details: str | None = None) -> None:
        super().__init__(f"{provider} integration is not configured")
        self.provider, self.details = provider, details


class UpstreamError(GatewayError):
    """A provider timed out, answered an error or something unreadable; `is_limited` when it asks to come back later."""

    def __init__(
        self, summary: str, details: str, *, is_limited: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(f"{summary}: {details}")
        self.summary, self.details = summary, details
        self.is_limited, self.retry_after = is_limited, retry_after


class OutcomeUnknownError(GatewayError):
    """The command was accepted and may still be applied; the same idempotency key tells the outcome later."""

    def __init__(self, command_id: str) -> None:
        super().__init__(f"no answer in time; the command {command_id} may still be applied")
        self.command_id = command_id


class UnavailableError(GatewayError):
    """A part of Tieline that this request needs is away."""

    def __init__(self, what: Literal["database", "kafka", "registry", "webhook router", "sync worker"]) -> None:
        super().__init__(f"the {what} is not available")
        self.what = what
