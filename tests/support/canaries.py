"""Secret values that can be searched for, sent in every way that the surfaces know."""

from typing import Any

import httpx2

from tests.support.gateway_stack import Caller

MARK = "c4n4ry"


def canary(name: str) -> str:
    """Return a secret value that can be searched for."""
    return f"{MARK}-{name}-0123456789"


def drive_every_surface(caller: Caller) -> list[httpx2.Response]:
    """Send secrets in every way the surfaces know, in requests that succeed and requests that fail."""
    http, org = caller.http, caller.org()
    save = {
        "name": "Sentry",
        "integration_type": "sentry",
        "auth_data": {name: canary(f"a-{name}") for name in ("access_token", "refresh_token", "code")},
    }
    admin = {
        "service_name": "ServiceNow",
        "auth_type": "basic_auth",
        "config": {
            "password": canary("d-password"),
            "nested": {"api_token": canary("d-nested"), "urls": [f"https://u:{canary('d-url')}@h.example"]},
        },
        "is_active": True,
    }
    bulk = [
        {"name": "ai", "type": "openai", "configuration": {"api_key": canary("b-key")}},
        {
            "name": "vertex",
            "type": "vertex_ai_gemini",
            "configuration": {"projectName": "p", "environment": "e", "file": canary("b-file")},
        },
    ]
    workspace: dict[str, Any] = {
        "name": "crm",
        "display_name": "CRM",
        "auth": {"type": "oauth2_jwt_bearer", "private_key_value": {"value": canary("e-private")}},
    }
    configure = {"apiKey": canary("c-key"), "webhookSecret": [canary("c-hook-1"), canary("c-hook-2")]}
    created = http.post("/integrations/create", json=admin)
    path = f"/integrations/update/{created.json()['integration']['id']}"
    return [
        created,
        http.put(path, json={**admin, "config": {"password": canary("d-second")}}),
        http.put(path, json={**admin, "auth_type": canary("d-wrong")}),
        http.post("/api/v2/integrations/save", json=save),
        http.post("/api/v2/integrations/save", json={**save, "status": "wrong"}),
        http.post("/api/integrations", json=bulk),
        http.post("/api/integrations", json=[*bulk, {"name": "x", "type": "wrong"}]),
        http.post("/api/integrations/configure", headers=org, json={"integration": "pagerduty", "config": configure}),
        http.post("/api/integrations/configure", headers=org, json={"integration": "wrong", "config": configure}),
        http.post(caller.v1("integrations"), json=workspace),
        http.post(caller.v1("integrations"), json=workspace),
        http.post(caller.v1("integrations"), json={**workspace, "auth": {**workspace["auth"], "type": "wrong"}}),
        http.post(caller.v1("integrations"), content=b'{"a": "' + canary("truncated").encode()),
        http.get("/integrations/all"),
        http.get(caller.v1("integrations")),
        http.get(caller.v1("audit")),
    ]
