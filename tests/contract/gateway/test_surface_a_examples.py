"""Surface A's document: every request and answer it shows."""

from typing import Any

import httpx2
import pytest

from tests.contract.gateway.documented import assert_same_shape
from tests.support.gateway_stack import Caller, GatewayStack

SAVE = "/api/v2/integrations/save"

COMPLETE_WORKFLOW = {
    "name": "Production Sentry",
    "integration_type": "sentry",
    "status": "active",
    "auth_data": {"access_token": "sentry_access_token_here", "token_type": "Bearer"},
    "scope_data": {"org_slug": "my-company"},
    "metadata": {
        "instance_name": "Production Sentry",
        "created_via": "manual",
        "description": "Error monitoring for production",
        "tags": ["production", "monitoring"],
    },
}
SUCCESS: dict[str, Any] = {
    "success": True,
    "data": {
        "integration_id": "550e8400-e29b-41d4-a716-446655440000",
        "name": "Production Sentry",
        "integration_type": "sentry",
        "status": "active",
        "active": True,
        "unique_identifier": "sentry-generated",
        "created_by": "user_abc123",
        "created_at": "2025-01-15T10:30:00.000000",
        "has_auth_data": True,
        "has_scope_data": True,
        "metadata": {
            "instance_name": "Production Sentry",
            "created_via": "manual",
            "description": "Error monitoring for production",
            "tags": ["production", "monitoring"],
            "version": None,
        },
    },
    "error": None,
}


def _example(name: str, token: str, scope: dict[str, str], description: str, tags: list[str]) -> Any:
    return {
        "name": name,
        "integration_type": token.split("_")[1].lower(),
        "status": "active",
        "auth_data": {"access_token": token, "token_type": "Bearer"},
        "scope_data": scope,
        "metadata": {"instance_name": name, "created_via": "manual", "description": description, "tags": tags},
    }


INTEGRATION_EXAMPLES = {
    "sentry": _example(
        "Production Sentry",
        "YOUR_SENTRY_TOKEN",
        {"org_slug": "your-org"},
        "Error monitoring for production environment",
        ["production", "errors"],
    ),
    "jira": _example(
        "Engineering Jira",
        "YOUR_JIRA_TOKEN",
        {"workspace_id": "your-jira-domain.atlassian.net"},
        "Issue tracking for engineering team",
        ["jira", "issues"],
    ),
    "linear": _example(
        "Product Linear",
        "YOUR_LINEAR_TOKEN",
        {"workspace_id": "your-workspace-id"},
        "Issue tracking via Linear",
        ["linear", "issues"],
    ),
    "confluence": _example(
        "Team Confluence",
        "YOUR_CONFLUENCE_TOKEN",
        {"workspace_id": "your-confluence-domain.atlassian.net"},
        "Documentation platform integration",
        ["confluence", "docs"],
    ),
    "slack": _example(
        "Engineering Slack",
        "YOUR_SLACK_BOT_TOKEN",
        {"workspace_id": "T0123456789"},
        "Slack notifications for engineering",
        ["slack", "notifications"],
    ),
}
OPENAPI_EXAMPLES = {
    "sentry": {
        "name": "Production Sentry",
        "integration_type": "sentry",
        "status": "active",
        "auth_data": {"access_token": "sentry_token_here", "token_type": "Bearer"},
        "scope_data": {"org_slug": "my-company"},
        "metadata": {"instance_name": "Production Sentry", "created_via": "api", "tags": ["production", "monitoring"]},
    },
    "jira": {
        "name": "Main Jira Board",
        "integration_type": "jira",
        "status": "active",
        "auth_data": {"access_token": "jira_token", "refresh_token": "jira_refresh"},
        "scope_data": {"org_slug": "mycompany", "project_id": "PROJ"},
    },
}


def save(caller: Caller, body: Any) -> httpx2.Response:
    """Send `body` as the document does: the key in `x-api-key` and nowhere else."""
    return caller.http.post(SAVE, headers={"x-api-key": caller.api_key, "authorization": ""}, json=body)


def test_complete_workflow_answers_the_documented_success(caller: Caller) -> None:
    answer = save(caller, COMPLETE_WORKFLOW)

    assert answer.status_code == 200
    assert_same_shape(answer.json(), SUCCESS)
    given = ("integration_id", "created_at", "unique_identifier")
    assert {k: v for k, v in answer.json()["data"].items() if k not in given} == {
        k: v for k, v in SUCCESS["data"].items() if k not in given
    }


@pytest.mark.parametrize("kind", INTEGRATION_EXAMPLES)
def test_integration_example(caller: Caller, kind: str) -> None:
    example = INTEGRATION_EXAMPLES[kind]

    answer = save(caller, example)

    assert answer.status_code == 200
    assert_same_shape(answer.json(), SUCCESS)
    data = answer.json()["data"]
    assert data["name"] == example["name"]
    assert data["integration_type"] == kind
    assert data["has_auth_data"] is True
    assert data["has_scope_data"] is True
    assert data["metadata"] == {**example["metadata"], "version": None}


def test_minimal_example_takes_the_documented_defaults(caller: Caller) -> None:
    answer = save(caller, {"name": "My Integration", "integration_type": "github"})

    data = answer.json()["data"]
    assert answer.status_code == 200
    assert (data["status"], data["active"]) == ("active", True)
    assert (data["has_auth_data"], data["has_scope_data"]) == (False, False)
    assert data["metadata"]["created_via"] == "oauth_callback"
    assert data["unique_identifier"] == f"github-{data['integration_id']}"


@pytest.mark.parametrize("kind", OPENAPI_EXAMPLES)
def test_openapi_example(caller: Caller, kind: str) -> None:
    answer = save(caller, OPENAPI_EXAMPLES[kind])

    data = answer.json()["data"]
    assert answer.status_code == 200
    assert set(data) == set(SUCCESS["data"])
    assert set(data["metadata"]) == {"instance_name", "created_via", "version", "description", "tags"}
    assert data["unique_identifier"] == f"{kind}-{data['integration_id']}"
    assert (data["has_auth_data"], data["has_scope_data"]) == (True, True)


def test_401_missing_header(stack: GatewayStack) -> None:
    answer = stack.http.post(stack.gateway_url + SAVE, json=COMPLETE_WORKFLOW)

    assert answer.status_code == 401
    assert answer.json() == {"detail": "API key is required"}


def test_401_invalid_key(stack: GatewayStack) -> None:
    answer = stack.http.post(stack.gateway_url + SAVE, headers={"x-api-key": "YOUR_API_KEY"}, json=COMPLETE_WORKFLOW)

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Invalid API key"}


def test_422_missing_required_field(caller: Caller) -> None:
    answer = save(caller, {"integration_type": "sentry"})

    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [{"loc": ["body", "name"], "msg": "field required", "type": "value_error.missing"}]
    }


def test_422_invalid_integration_type(caller: Caller) -> None:
    answer = save(caller, {"name": "x", "integration_type": "Sentry"})

    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [
            {
                "loc": ["body", "integration_type"],
                "msg": "value is not a valid enumeration member",
                "type": "type_error.enum",
            }
        ]
    }


def test_500_database_connection_failed(stack: GatewayStack, caller: Caller) -> None:
    nobody = stack.internal().model_copy(update={"registry_url": "http://127.0.0.1:9"})
    with stack.another_gateway(internal=nobody, wait=False) as address:
        answer = stack.http.post(address + SAVE, headers={"x-api-key": caller.api_key}, json=COMPLETE_WORKFLOW)

    assert answer.status_code == 500
    assert answer.json() == {
        "success": False,
        "data": None,
        "error": "Failed to save integration: Database connection failed",
    }
