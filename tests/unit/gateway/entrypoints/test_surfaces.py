"""Every error in the shape of every surface."""

import json
from datetime import timedelta

import pytest
from tieline_gateway.domain import errors
from tieline_gateway.entrypoints.surfaces import ADMIN, BULK, ORGANIZATION, SAVE, WORKSPACE, Surface, surface_of

ERRORS: list[tuple[errors.GatewayError, int]] = [
    (errors.NotAuthenticatedError(missing=True), 401),
    (errors.NotAuthenticatedError(missing=False), 401),
    (errors.NotPermittedError("integration.view"), 403),
    (errors.NotPermittedError(None), 403),
    (errors.NotFoundError("integration"), 404),
    (errors.ConflictError("name_taken", "taken"), 409),
    (errors.ConflictError("idempotency_key_reused", "reused"), 409),
    (errors.ConflictError("revision_conflict", "moved on"), 412),
    (errors.RequestTooLargeError(1024), 413),
    (errors.RequestInvalidError.of(("body", "x"), "is wrong"), 422),
    (errors.TooManyRequestsError(timedelta(seconds=2)), 429),
    (errors.GatewayError("unexpected"), 500),
    (errors.UpstreamError("Failed to fetch from Sentry API", "Request timeout after 10000ms"), 502),
    (errors.UnavailableError("database"), 503),
    (errors.OutcomeUnknownError("c1"), 504),
]
OWN_STATUS: dict[tuple[Surface, int], int] = {
    (BULK, 422): 400,
    (ORGANIZATION, 422): 400,
    (ADMIN, 422): 400,
    (SAVE, 503): 500,
}
NAMES: dict[Surface, list[set[str]]] = {
    SAVE: [{"detail"}, {"success", "data", "error"}],
    BULK: [{"status", "error", "message"}, {"status", "error", "message", "errors"}],
    ORGANIZATION: [{"error", "code", "status"}, {"error", "code", "status", "details"}],
    ADMIN: [{"success", "message"}],
    WORKSPACE: [{"detail"}],
}


@pytest.mark.parametrize("surface", NAMES, ids=lambda surface: surface.name)
@pytest.mark.parametrize(("error", "status"), ERRORS, ids=lambda value: str(value)[:30])
def test_every_error_has_the_surfaces_shape(surface: Surface, error: errors.GatewayError, status: int) -> None:
    answer = surface.answer(error)

    body = json.loads(bytes(answer.body))
    assert answer.status_code == OWN_STATUS.get((surface, status), status)
    assert set(body) in NAMES[surface]
    if "status" in body:
        assert body["status"] == answer.status_code


def test_c_says_an_upstream_error_as_documented() -> None:
    error = errors.UpstreamError("Failed to fetch from Sentry API", "Request timeout after 10000ms")

    assert json.loads(bytes(ORGANIZATION.answer(error).body)) == {
        "error": "Failed to fetch from Sentry API",
        "code": "UPSTREAM_ERROR",
        "status": 502,
        "details": "Request timeout after 10000ms",
    }


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.TooManyRequestsError(timedelta(milliseconds=1)), "retry-after", "1"),
        (errors.UnavailableError("kafka"), "retry-after", "5"),
        (errors.OutcomeUnknownError("c1"), "x-command-id", "c1"),
        (errors.NotAuthenticatedError(missing=True), "www-authenticate", "Bearer"),
    ],
)
def test_headers_say_what_to_do(error: errors.GatewayError, header: str, value: str) -> None:
    assert WORKSPACE.answer(error).headers[header] == value


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/api/v2/integrations/save", SAVE),
        ("/api/integrations", BULK),
        ("/api/integrations/", BULK),
        ("/api/integrations/status", ORGANIZATION),
        ("/api/observability/sentry", ORGANIZATION),
        ("/api/channel-routes/r1", ORGANIZATION),
        ("/api/webhooks/sentry", ORGANIZATION),
        ("/integrations/all", ADMIN),
        ("/v1/w/integrations", WORKSPACE),
        ("/", WORKSPACE),
    ],
)
def test_a_path_belongs_to_one_surface(path: str, surface: Surface) -> None:
    assert surface_of(path) is surface
