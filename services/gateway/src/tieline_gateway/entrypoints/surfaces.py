"""Which published surface a path belongs to, and how each says its errors.

The one place where errors become HTTP: `Surface.answer` takes any GatewayError.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from tieline_gateway.domain import errors
from tieline_gateway.domain.providers import display_name
from tieline_gateway.entrypoints import legacy_validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as HTTP sees it, before a surface puts it into its shape."""

    status: int
    code: str
    message: str
    details: str | None = None
    headers: Mapping[str, str] | None = None


_AWAY = {
    "database": "Database connection failed",
    "registry": "Database connection failed",  # what surface A documents; callers know nothing of a registry
    "kafka": "Kafka is not available",
    "webhook router": "The webhook router is not available",
    "sync worker": "The sync worker is not available",
}


def fault_of(error: errors.GatewayError) -> Fault:  # noqa: C901, PLR0912 - one line per kind of error, read as a table
    """Return status, stable code and words for `error`."""
    match error:
        case errors.NotAuthenticatedError(missing=missing):
            return Fault(
                status=401,
                code="UNAUTHORIZED",
                message="API key is required" if missing else "Invalid API key",
                headers={"www-authenticate": "Bearer"},
            )
        case errors.NotPermittedError(permission=permission):
            words = f"Permission {permission} is required" if permission else "This key belongs to another workspace"
            return Fault(status=403, code="FORBIDDEN", message=words)
        case errors.OrganizationMissingError():
            return Fault(status=400, code="ORG_ID_REQUIRED", message="The x-org-id header is required")
        case errors.RequestInvalidError():
            return Fault(status=422, code="INVALID_REQUEST", message="Invalid request", details=str(error))
        case errors.RequestTooLargeError():
            return Fault(status=413, code="PAYLOAD_TOO_LARGE", message=f"Request body exceeds {error.limit} bytes")
        case errors.TooManyRequestsError(retry_after=wait):
            return Fault(
                status=429,
                code="RATE_LIMITED",
                message="Too many requests",
                headers={"retry-after": str(max(1, round(wait.total_seconds())))},
            )
        case errors.NotFoundError(what=what):
            return Fault(
                status=404, code=f"{what.upper().replace(' ', '_')}_NOT_FOUND", message=f"{what} not found".capitalize()
            )
        case errors.ConflictError(reason=reason):
            status = 412 if reason == "revision_conflict" else 409
            return Fault(status=status, code=reason.upper(), message=str(error))
        case errors.NotConfiguredError(provider=provider, details=details):
            return Fault(
                status=400,
                code="INTEGRATION_NOT_CONFIGURED",
                message=f"{display_name(provider)} integration is not configured",
                details=details,
            )
        case errors.UpstreamError(summary=summary, details=details, is_limited=is_limited, retry_after=wait):
            headers = {} if wait is None else {"retry-after": str(max(1, math.ceil(wait.total_seconds())))}
            status = 429 if is_limited else 502
            return Fault(status=status, code="UPSTREAM_ERROR", message=summary, details=details, headers=headers)
        case errors.OutcomeUnknownError(command_id=command_id):
            return Fault(
                status=504,
                code="OUTCOME_UNKNOWN",
                message=f"No answer in time; command {command_id} may still be applied",
                details=command_id,
                headers={"x-command-id": command_id},
            )
        case errors.UnavailableError(what=what):
            return Fault(status=503, code="UNAVAILABLE", message=_AWAY[what], headers={"retry-after": "5"})
        case _:
            return Fault(status=500, code="INTERNAL_ERROR", message="Internal server error")


class Surface:
    """How one surface answers errors. The base shape, `{"detail": …}`, is surface E's."""

    name = "E"

    def answer(self, error: errors.GatewayError) -> Response:
        """Return `error` in this surface's shape."""
        fault = fault_of(error)
        return JSONResponse(self.body(error, fault), status_code=self.status(error, fault), headers=fault.headers)

    def status(self, error: errors.GatewayError, fault: Fault) -> int:
        """Return the HTTP status."""
        return fault.status

    def body(self, error: errors.GatewayError, fault: Fault) -> Any:
        """Return the JSON body."""
        if isinstance(error, errors.RequestInvalidError):
            return {"detail": [legacy_validation.modern(wrong) for wrong in error.errors]}
        return {"detail": fault.message}


class SaveSurface(Surface):
    """Surface A: `detail` for who calls and what is wrong, the `success` envelope for what failed inside."""

    name = "A"

    def status(self, error: errors.GatewayError, fault: Fault) -> int:
        """Return 500 where the document does: whatever kept the integration from being saved."""
        return 500 if isinstance(error, errors.UnavailableError) else fault.status

    def body(self, error: errors.GatewayError, fault: Fault) -> Any:
        """Return the documented body."""
        if isinstance(error, errors.RequestInvalidError):
            return {"detail": [legacy_validation.legacy(wrong) for wrong in error.errors]}
        if fault.status >= 500 or isinstance(error, errors.ConflictError):
            return {"success": False, "data": None, "error": f"Failed to save integration: {fault.message}"}
        return {"detail": fault.message}


class BulkSurface(Surface):
    """Surface B documents statuses only; its body names the problem and what it is about."""

    name = "B"

    def status(self, error: errors.GatewayError, fault: Fault) -> int:
        """Return 400 for every kind of invalid input, as documented."""
        if isinstance(error, errors.RequestInvalidError):
            return 400
        if isinstance(error, errors.ConflictError) and error.reason == "provider_immutable":
            return 400
        return fault.status

    def body(self, error: errors.GatewayError, fault: Fault) -> Any:
        """Return `status`, `error`, `message`, and the wrong fields if any."""
        answer: dict[str, Any] = {"status": self.status(error, fault), "error": fault.code, "message": fault.message}
        if isinstance(error, errors.RequestInvalidError):
            answer["message"] = str(error)
            answer["errors"] = [{"path": list(wrong.loc[1:]), "message": wrong.message} for wrong in error.errors]
        return answer


class OrganizationSurface(Surface):
    """Surface C: `error`, `code`, `status`, and `details` where there are any."""

    name = "C"

    def status(self, error: errors.GatewayError, fault: Fault) -> int:
        """Return 400 for invalid input, like the document's own client error."""
        return 400 if isinstance(error, errors.RequestInvalidError) else fault.status

    def body(self, error: errors.GatewayError, fault: Fault) -> Any:
        """Return the documented body."""
        message = "Channel route not found" if fault.code == "ROUTE_NOT_FOUND" else fault.message
        answer: dict[str, Any] = {"error": message, "code": fault.code, "status": self.status(error, fault)}
        if fault.details is not None:
            answer["details"] = fault.details
        return answer


class AdminSurface(Surface):
    """Surface D: `success` and `message`."""

    name = "D"

    def status(self, error: errors.GatewayError, fault: Fault) -> int:
        """Return 400 for invalid input."""
        return 400 if isinstance(error, errors.RequestInvalidError) else fault.status

    def body(self, error: errors.GatewayError, fault: Fault) -> Any:
        """Return the documented body."""
        message = str(error) if isinstance(error, errors.RequestInvalidError) else fault.message
        return {"success": False, "message": message}


SAVE, BULK, ORGANIZATION, ADMIN, WORKSPACE = (
    SaveSurface(),
    BulkSurface(),
    OrganizationSurface(),
    AdminSurface(),
    Surface(),
)

_PATHS: tuple[tuple[re.Pattern[str], Surface], ...] = (
    (re.compile(r"/api/v2/integrations/"), SAVE),
    (re.compile(r"/api/integrations/?$"), BULK),
    (re.compile(r"/api/"), ORGANIZATION),
    (re.compile(r"/integrations/"), ADMIN),
)


def surface_of(path: str) -> Surface:
    """Return the surface `path` belongs to; what belongs to none is answered like surface E."""
    for pattern, surface in _PATHS:
        if pattern.match(path):
            return surface
    return WORKSPACE
