"""Surface C's example of a Sentry webhook, as its document shows it: no header of ours but the signature."""

import hashlib
import hmac
import json

from tests.support.router_world import SECRETS, RouterWorld

BODY = json.dumps(
    {
        "action": "created",
        "data": {
            "issue": {
                "id": "4812345",
                "title": "TypeError: Cannot read property id of undefined",
                "project": {"slug": "api-gateway"},
            }
        },
    },
    indent=2,
).encode()


async def test_sentry_webhook_example(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    signature = hmac.new(SECRETS["sentry"].encode(), BODY, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "sentry-hook-signature": signature}
    await world.routed("sentry", BODY, headers)  # the route has been read by now

    answer = await world.http.post(f"{world.router.address}/api/webhooks/sentry", content=BODY, headers=headers)

    assert answer.status_code == 200
    agent = answer.json()["agentId"]
    assert answer.json() == {"received": True, "routed": True, "agentId": agent}
    assert agent.startswith("agent-")
