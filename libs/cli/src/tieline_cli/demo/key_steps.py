"""Steps that issue, use and revoke API keys, and try what must be refused."""

from tieline_cli.demo.gateway import Surface
from tieline_cli.demo.journey import Journey

_REVOKED_WITHIN_SECONDS = 10.0
_READS: dict[Surface, str] = {"C": "/api/integrations/status", "D": "/integrations/all"}


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
    """Refuse callers without a key and with an unknown one, each in its surface's own form."""
    for key, who in (("", "without a key"), ("tl_nobody", "with an unknown key")):
        save = {"name": "x", "integration_type": "sentry"}
        answer = journey.gateway.call("A", "POST", "/api/v2/integrations/save", body=save, api_key=key, expect=401)
        journey.check("detail" in answer.body, f"surface A, {who}: 401 {answer.body}")
        for surface, path in _READS.items():
            answer = journey.gateway.call(surface, "GET", path, api_key=key, expect=401)
            journey.check(answer.body, f"surface {surface}, {who}: 401 {answer.body}")


def _is_refused(journey: Journey, key: str) -> bool:
    answer = journey.gateway.try_call("D", "GET", "/integrations/all", api_key=key)
    return answer.status == 401
