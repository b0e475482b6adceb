"""Steps that configure integrations, and see them through the other surfaces."""

from typing import Any

from tieline_cli.demo.journey import Journey

SLACK_CHANNEL = "C0ERRORS"
DISCORD_CHANNEL = "1180000000000000001"

_NAME = "Production Sentry"


def save_sentry(journey: Journey) -> None:
    """Save a Sentry integration through surface A; the other surfaces show the same one."""
    body = {
        "name": _NAME,
        "integration_type": "sentry",
        "unique_identifier": "sentry-production",
        "auth_data": {"access_token": "sample-sentry-token", "token_type": "Bearer"},
        "scope_data": {"org_slug": "acme"},
        "metadata": {"instance_name": _NAME, "created_via": "manual", "tags": ["production", "errors"]},
    }
    answer = journey.gateway.call("A", "POST", "/api/v2/integrations/save", body=body)
    saved = answer.body["data"]
    journey.say(f"POST /api/v2/integrations/save answered in {answer.milliseconds:.0f} ms")
    journey.check(answer.body["success"] and saved["has_auth_data"], f"saved as {saved['integration_id']}")
    journey.integration_ids["sentry"] = saved["integration_id"]
    journey.remember("Sentry saved (surface A)", saved["integration_id"], f"{answer.milliseconds:.0f} ms")

    known = journey.gateway.call("C", "GET", "/api/integrations/status").body["integrations"]
    sentry = _one(known, "sentry")
    journey.check(sentry.get("configured") and sentry.get("status") == "active", "surface C: configured and active")

    everything = journey.gateway.call("D", "GET", "/integrations/all").body["integrations"]
    journey.check(_one(everything, saved["integration_id"]).get("is_active"), "surface D: listed as active")
    journey.check("sample-sentry-token" not in str(everything), "and its token is shown nowhere")


def configure_senders_and_channels(journey: Journey) -> None:
    """Give Sentry and PagerDuty their webhook secrets, Slack and Discord their bot tokens."""
    journey.configure("sentry", {"webhookSecret": journey.webhook_secret})
    journey.configure("pagerduty", {"apiKey": "sample-pagerduty-key", "webhookSecret": journey.webhook_secret})
    for channel in ("slack", "discord"):
        journey.configure(channel, {"botToken": f"sample-{channel}-token", "baseUrl": journey.simulators[channel]})


def create_routes(journey: Journey) -> None:
    """Say where events go: everything of Sentry's to Slack, every incident to Discord."""
    wanted = {("sentry.*", "slack"): SLACK_CHANNEL, ("incident.*", "discord"): DISCORD_CHANNEL}
    for route in journey.gateway.call("C", "GET", "/api/channel-routes").body["routes"]:
        if (route["eventType"], route["channel"]) in wanted:  # of an earlier run on the same data
            journey.gateway.call("C", "DELETE", f"/api/channel-routes/{route['id']}")
    for (pattern, channel), channel_id in wanted.items():
        body = {"eventType": pattern, "channel": channel, "channelId": channel_id}
        answer = journey.gateway.call("C", "POST", "/api/channel-routes", body=body)
        journey.check(answer.body["enabled"], f"{pattern} → {channel} {channel_id}, route {answer.body['id']}")
    listed = journey.gateway.call("C", "GET", "/api/channel-routes").body["routes"]
    journey.check(len(listed) >= len(wanted), f"surface C lists {len(listed)} routes")
    journey.remember("Channel routes", "sentry.* → slack, incident.* → discord")


def _one(documents: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    return next((document for document in documents if document["id"] == wanted), {})
