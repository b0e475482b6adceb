"""What is saved through one surface is right on the others (the table in docs/surfaces.md)."""

from typing import Any

import pytest

from tests.support.gateway_stack import Caller, GatewayStack

TOKEN = "auth.access_token"


def status(caller: Caller, provider: str) -> dict[str, Any] | None:
    """Return surface C's entry of a provider."""
    listed = caller.http.get("/api/integrations/status", headers=caller.org()).json()["integrations"]
    return next((one for one in listed if one["id"] == provider), None)


def admin(caller: Caller) -> dict[str, Any]:
    """Return surface D's only integration."""
    found: list[dict[str, Any]] = caller.http.get("/integrations/all").json()["integrations"]
    [shown] = found
    return shown


def workspace(caller: Caller) -> dict[str, Any]:
    """Return surface E's only integration."""
    found: list[dict[str, Any]] = caller.http.get(caller.v1("integrations")).json()["items"]
    [shown] = found
    return shown


def configure(caller: Caller, integration: str, config: dict[str, Any]) -> None:
    """Configure through surface C."""
    body = {"integration": integration, "config": config}
    caller.http.post("/api/integrations/configure", headers=caller.org(), json=body).raise_for_status()


def test_saved_by_a_seen_by_all(stack: GatewayStack, caller: Caller) -> None:
    body = {
        "name": "Production Sentry",
        "integration_type": "sentry",
        "unique_identifier": "sentry-production",
        "auth_data": {"access_token": "plain-token", "refresh_token": "plain-refresh"},
        "scope_data": {"org_slug": "acme"},
    }

    saved = caller.http.post("/api/v2/integrations/save", json=body).json()["data"]

    assert status(caller, "sentry") == {"id": "sentry", "configured": True, "status": "active", "lastSync": None}
    shown = admin(caller)
    assert (shown["id"], shown["service_name"], shown["auth_type"], shown["is_active"]) == (
        saved["integration_id"],
        "Production Sentry",
        "oauth2",
        True,
    )
    assert shown["config"] == {"access_token": "********", "refresh_token": "********"}
    assert workspace(caller)["name"] == "sentry-production"
    assert workspace(caller)["display_name"] == "Production Sentry"
    assert workspace(caller)["auth"]["type"] == "bearer_token"
    opened = stack.credentials(caller, saved["integration_id"])
    assert opened.secrets == {TOKEN: "plain-token", "auth.refresh_token": "plain-refresh"}
    assert opened.integration.scope == {"org_slug": "acme"}


def test_saved_by_a_configured_further_by_c(stack: GatewayStack, caller: Caller) -> None:
    body = {"name": "Sentry", "integration_type": "sentry", "auth_data": {"access_token": "first"}}
    saved = caller.http.post("/api/v2/integrations/save", json=body).json()["data"]

    configure(caller, "sentry", {"authToken": "second", "organization": "acme", "webhookSecret": "hook"})

    opened = stack.credentials(caller, saved["integration_id"])
    assert admin(caller)["id"] == saved["integration_id"]
    assert admin(caller)["service_name"] == "Sentry"
    assert opened.secrets == {TOKEN: "second", "config.webhook_secret": "hook"}
    again = caller.http.post(
        "/api/v2/integrations/save", json={**body, "unique_identifier": saved["unique_identifier"]}
    ).json()["data"]
    assert again["has_scope_data"] is True


@pytest.mark.parametrize(
    ("integration", "key"),
    [
        ("pagerduty", "apiKey"),
        ("linear", "apiKey"),
        ("sentry", "authToken"),
        ("slack", "botToken"),
        ("discord", "botToken"),
        ("telegram", "botToken"),
        ("whatsapp", "accessToken"),
        ("github", "accessToken"),
        ("jira", "apiToken"),
    ],
)
def test_a_token_has_one_place_whatever_it_is_called(
    stack: GatewayStack, caller: Caller, integration: str, key: str
) -> None:
    configure(caller, integration, {key: "plain-token"})

    shown = admin(caller)
    assert stack.credentials(caller, shown["id"]).secrets == {TOKEN: "plain-token"}
    assert shown["config"] == {"access_token": "********"}
    assert (shown["auth_type"], shown["is_active"]) == ("api_token", True)
    assert workspace(caller)["name"] == integration


@pytest.mark.parametrize("key", ["token", "api_token", "access_token", "api_key", "apiKey", "bot_token"])
def test_a_token_given_to_d_is_the_one_c_uses(stack: GatewayStack, caller: Caller, key: str) -> None:
    body = {"service_name": "Slack", "auth_type": "api_token", "config": {key: "plain-token"}, "is_active": True}

    created = caller.http.post("/integrations/create", json=body).json()["integration"]

    assert created["config"] == {key: "********"}
    assert stack.credentials(caller, created["id"]).secrets == {TOKEN: "plain-token"}
    known = status(caller, "slack")
    assert known is not None
    assert known["configured"] is True


@pytest.mark.parametrize(
    ("service_name", "provider"),
    [
        ("ServiceNow", "servicenow"),
        ("ServiceNow Production", "servicenow"),
        ("service now", "servicenow"),
        ("Jira", "jira"),
        ("GitHub", "github"),
        ("Azure OpenAI", "azure_openai"),
        ("Acme CRM", "acme-crm"),
        ("日本", "custom"),
    ],
)
def test_d_recognises_the_provider(stack: GatewayStack, resident: Caller, service_name: str, provider: str) -> None:
    body = {"service_name": service_name, "auth_type": "api_token", "config": {}, "is_active": True}

    created = resident.http.post("/integrations/create", json=body).json()["integration"]

    kept = stack.credentials(resident, created["id"]).integration
    assert created["service_name"] == service_name
    assert kept.provider == provider
    assert kept.name == f"{provider}-{created['id'][:8]}"


def test_renamed_by_d_it_stays_what_it_is(stack: GatewayStack, caller: Caller) -> None:
    saved = caller.http.post("/api/v2/integrations/save", json={"name": "Errors", "integration_type": "sentry"}).json()
    integration_id = saved["data"]["integration_id"]
    body = {"service_name": "Our errors", "auth_type": "api_token", "config": {"token": "t"}, "is_active": True}

    caller.http.put(f"/integrations/update/{integration_id}", json=body).raise_for_status()

    kept = stack.credentials(caller, integration_id).integration
    assert (kept.provider, kept.display_name) == ("sentry", "Our errors")
    known = status(caller, "sentry")
    assert known is not None
    assert known["configured"] is True


def test_saved_by_b_seen_by_d_and_e(stack: GatewayStack, caller: Caller) -> None:
    item = {
        "name": "open-ai-test",
        "type": "openai",
        "enabled": False,
        "configuration": {"api_key": "plain", "organizationId": "o"},
    }

    saved = caller.http.post("/api/integrations", json=[item]).json()[0]

    shown = admin(caller)
    assert (shown["id"], shown["service_name"], shown["is_active"]) == (saved["id"], "open-ai-test", False)
    assert shown["config"] == {"api_key": "********", "organizationId": "o"}
    assert (workspace(caller)["name"], workspace(caller)["enabled"]) == ("open-ai-test", False)
    assert stack.credentials(caller, saved["id"]).secrets == {"config.api_key": "plain"}


def test_saved_by_e_updated_by_d_keeps_its_auth(stack: GatewayStack, caller: Caller) -> None:
    auth = {
        "type": "oauth2_client_credentials",
        "token_url": "https://login.example/token",
        "client_secret_value": {"value": "plain-secret"},
    }
    body = {"name": "acme-crm", "display_name": "Acme CRM", "base_url": "https://crm.example", "auth": auth}
    created = caller.http.post(caller.v1("integrations"), json=body).json()
    shown = admin(caller)
    assert shown["auth_type"] == "oauth2"
    assert shown["config"] == {"base_url": "https://crm.example", "client_secret": "********"}

    fields = ("service_name", "auth_type", "is_active")
    config = {**shown["config"], "base_url": "https://crm2.example"}
    change = {**{name: shown[name] for name in fields}, "config": config}
    caller.http.put(f"/integrations/update/{shown['id']}", json=change).raise_for_status()

    after = workspace(caller)
    assert after["base_url"] == "https://crm2.example"
    assert after["auth"] == created["auth"]
    assert stack.credentials(caller, shown["id"]).secrets == {"auth.client_secret": "plain-secret"}


def test_the_address_d_knows_is_the_base_url_of_e(caller: Caller) -> None:
    body = {
        "service_name": "ServiceNow",
        "auth_type": "basic_auth",
        "config": {"url": "https://dev12345.service-now.com", "username": "admin", "password": "p"},
        "is_active": True,
    }

    caller.http.post("/integrations/create", json=body).raise_for_status()

    assert workspace(caller)["base_url"] == "https://dev12345.service-now.com"


def test_switched_off_anywhere_is_off_everywhere(caller: Caller) -> None:
    configure(caller, "sentry", {"authToken": "t"})
    integration_id = workspace(caller)["id"]
    path = caller.v1(f"integrations/{integration_id}")

    caller.http.patch(path, json={"enabled": False}).raise_for_status()
    off = (admin(caller)["is_active"], status(caller, "sentry"))
    configure(caller, "sentry", {"organization": "acme"})

    assert off == (False, {"id": "sentry", "configured": True, "status": "inactive", "lastSync": None})
    assert workspace(caller)["enabled"] is True
    assert admin(caller)["is_active"] is True


def test_the_status_of_a_decides_what_is_active(caller: Caller) -> None:
    body = {"name": "Sentry", "integration_type": "sentry", "auth_data": {"access_token": "t"}, "status": "error"}

    caller.http.post("/api/v2/integrations/save", json=body).raise_for_status()

    known = status(caller, "sentry")
    assert admin(caller)["is_active"] is False
    assert known is not None
    assert known["status"] == "inactive"


def test_a_name_taken_on_another_surface_is_refused_in_shape(caller: Caller) -> None:
    saved = caller.http.post(
        "/api/v2/integrations/save", json={"name": "n", "integration_type": "slack", "unique_identifier": "taken"}
    )
    item = {"name": "taken", "type": "openai", "configuration": {"api_key": "k"}}

    bulk = caller.http.post("/api/integrations", json=[item])
    created = caller.http.post(caller.v1("integrations"), json={"name": "taken", "display_name": "T"})

    assert saved.status_code == 200
    assert (bulk.status_code, created.status_code) == (400, 409)


def test_deleted_through_one_is_gone_from_all(caller: Caller) -> None:
    configure(caller, "sentry", {"authToken": "t"})

    caller.http.delete(f"/integrations/delete/{admin(caller)['id']}").raise_for_status()

    known = status(caller, "sentry")
    assert known is not None
    assert known["configured"] is False
    assert caller.http.get(caller.v1("integrations")).json()["total"] == 0
