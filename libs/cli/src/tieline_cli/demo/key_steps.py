"""Steps that issue, use and revoke API keys, and try what must be refused."""

from tieline_cli.demo.gateway import Surface
from tieline_cli.demo.journey import Journey

_REVOKED_WITHIN_SECONDS = 10.0
_CALLS: dict[Surface, tuple[str, str]] = {
    "A": ("POST", "/api/v2/integrations/save"),
    "C": ("GET", "/api/integrations/status"),
    "D": ("GET", "/integrations/all"),
}


def use_api_keys(journey: Journey) -> None:
    """Issue a key that may only look, use it, revoke it."""
    body = {"name": "demo, may look", "permissions": ["integration.view"]}
    issued = journey.gateway.call("E", "POST", journey.path("api-keys"), body=body, expect=201).body
    key = issued["api_key"]
    journey.say(f"issued {issued['id']} with {', '.join(issued['permissions'])}")
    listed = journey.gateway.call("D", "GET", "/integrations/all", api_key=key)
    journey.check(listed.body["success"], f"it lists {len(listed.body['integrations'])} integrations")
    create = {"service_name": "ServiceNow", "auth_type": "basic_auth", "config": {}, "is_active": True}
    journey.gateway.call("D", "POST", "/integrations/create", body=create, api_key=key, expect=403)
    journey.shown("and may not create one: 403")
    journey.gateway.call("E", "DELETE", journey.path(f"api-keys/{issued['id']}"), expect=204)
    journey.until(
        lambda: _is_refused(journey, key) or None, "the revoked key to be refused", seconds=_REVOKED_WITHIN_SECONDS
    )
    journey.shown("revoked, it is refused with 401")
    journey.remember("API key", "issued, used, kept to its permissions, revoked")


def refuse_strangers(journey: Journey) -> None:
    """Refuse callers without a key, with an unknown one, and with another workspace's, in each surface's own form."""
    for key, who in (("", "no key"), ("tl_nobody", "an unknown key")):
        for surface, (method, path) in _CALLS.items():
            answer = journey.gateway.call(surface, method, path, body=_body(method), api_key=key, expect=401)
            journey.shown(f"surface {surface}, {who}: 401 {answer.body}")
    elsewhere = journey.gateway.call("C", *_CALLS["C"], org="org-somebody-else", expect=403)
    journey.shown(f"surface C, the key of another workspace: 403 {elsewhere.body}")
    journey.remember("Strangers", "refused by every surface in its own form")


def _body(method: str) -> dict[str, str] | None:
    return {"name": "x", "integration_type": "sentry"} if method == "POST" else None


def _is_refused(journey: Journey, key: str) -> bool:
    answer = journey.gateway.try_call("D", "GET", "/integrations/all", api_key=key)
    return answer.status == 401
