"""Surface E's document: every status of every operation, with the body that it describes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from tests.contract.gateway.command_lines import WORKSPACE_DOCUMENT
from tests.support.gateway_stack import Caller, GatewayStack
from tests.support.provider_stack import ProviderStack

NOBODYS = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: `rest` follows the workspace, `id` in it is an integration's."""

    method: str
    rest: str
    body: Any
    permission: str


OPERATIONS = {
    "list-integrations": Operation(
        method="GET", rest="integrations?limit=10&sort_by=-name", body=None, permission="integration.view"
    ),
    "create-integration": Operation(
        method="POST",
        rest="integrations",
        body={"name": "acme-crm", "display_name": "Acme CRM"},
        permission="integration.create",
    ),
    "get-integration": Operation(method="GET", rest="integrations/{id}", body=None, permission="integration.view"),
    "delete-integration": Operation(
        method="DELETE", rest="integrations/{id}", body=None, permission="integration.delete"
    ),
    "test-integration-endpoint": Operation(
        method="POST",
        rest="integrations/{id}/endpoints/hello/test",
        body={"params": {"who": "world"}},
        permission="integration.view",
    ),
}
STATUSES = {
    "list-integrations": (200, 401, 403, 422),
    "create-integration": (201, 401, 403, 404, 409, 422),
    "get-integration": (200, 401, 403, 404, 422),
    "delete-integration": (204, 401, 403, 404, 422),
    "test-integration-endpoint": (200, 401, 403, 404, 422),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    if not WORKSPACE_DOCUMENT.exists():
        pytest.skip("the published document of surface E is not beside the project")
    found: dict[str, Any] = json.loads(WORKSPACE_DOCUMENT.read_text())
    return found


@pytest.fixture
def whole(providers_of_session: ProviderStack) -> Iterator[Caller]:
    """Someone in a fresh workspace, at a gateway with a sync worker behind it, which runs endpoints."""
    somebody = providers_of_session.caller()
    with somebody.http:
        yield somebody


def created(caller: Caller) -> str:
    """Create an integration with an endpoint; nothing listens at its address."""
    endpoint = {"name": "hello", "description": "Says hello", "path": "/hello", "retry_config": {"max_retries": 0}}
    body = {"name": "with-endpoint", "display_name": "E", "base_url": "http://127.0.0.1:9", "endpoints": [endpoint]}
    answer = caller.http.post(caller.v1("integrations"), json=body)
    assert answer.status_code == 201, answer.text
    identity: str = answer.json()["id"]
    return identity


def provoked(stack: GatewayStack, caller: Caller, name: str, status: int) -> httpx2.Response:
    """Send an operation's request so that it is answered `status`."""
    operation, workspace, headers = OPERATIONS[name], caller.workspace_id, {}
    identity, body, http, query = created(caller), operation.body, caller.http, ""
    match status:
        case 401:
            headers = {"authorization": "Bearer nobody"}
        case 403:
            everything = {"integration.view", "integration.create", "integration.edit", "integration.delete"}
            weaker = stack.key(caller, *everything - {operation.permission})
            headers = {"authorization": f"Bearer {weaker.api_key}"}
        case 404:
            workspace = NOBODYS if "{id}" not in operation.rest else workspace
            identity = NOBODYS
        case 409:
            body = {**body, "name": "with-endpoint"}
        case 422:
            identity = "no-uuid"
            body = None if body is None else {**body, "name": "No Slug", "params": []}
            query = "&limit=0" if name == "list-integrations" else ""
    path = f"/v1/{workspace}/{operation.rest.format(id=identity)}{query}"
    return http.request(operation.method, path, json=body, headers=headers)


@pytest.mark.parametrize(("name", "status"), [(name, status) for name, known in STATUSES.items() for status in known])
def test_status(stack: GatewayStack, whole: Caller, name: str, status: int, document: dict[str, Any]) -> None:
    answer = provoked(stack, whole, name, status)

    assert answer.status_code == status, answer.text
    described = operation_of(document, name)["responses"][str(status)]
    schema = described.get("content", {}).get("application/json", {}).get("schema")
    if schema is not None:
        with_parts = {**schema, "components": document["components"]}
        assert [error.message for error in Draft202012Validator(with_parts).iter_errors(answer.json())] == []
    else:
        assert answer.content == b"" if status == 204 else set(answer.json()) == {"detail"}


def test_every_documented_status_is_provoked(document: dict[str, Any]) -> None:
    documented = {
        operation["operationId"]: tuple(sorted(int(status) for status in operation["responses"]))
        for path in document["paths"].values()
        for operation in path.values()
    }

    assert documented == STATUSES


def operation_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(
        operation
        for path in document["paths"].values()
        for operation in path.values()
        if operation["operationId"] == name
    )
