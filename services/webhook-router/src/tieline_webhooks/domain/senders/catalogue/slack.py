"""Kinds that Slack sends. Others come as `slack.<type>`, with the subtype behind if there is one."""

from typing import Any

from tieline_webhooks.domain.senders.catalogue.kind import EventKind


def _kind(when: str, **event: Any) -> EventKind:
    name = f"{event['type']}.{event['subtype']}" if "subtype" in event else event["type"]
    body = {
        "type": "event_callback",
        "team_id": "T0ACME",
        "event_id": "Ev0EXAMPLE",
        "event_time": 1774101900,
        "event": event,
    }
    return EventKind(type=f"slack.{name}", when=when, example=body)


KINDS = (
    _kind("the app was mentioned", type="app_mention", text="<@U0BOT> who is on?", user="U0ADA", channel="C0ALERTS",
          ts="1774101900.000100"),
    _kind("a message was written in a channel", type="message", text="Deploying now", user="U0ADA", channel="C0ALERTS",
          ts="1774101900.000200"),
    _kind("a file was shared", type="message", subtype="file_share", text="The graph", user="U0ADA", channel="C0ALERTS",
          ts="1774101900.000300", files=[{"permalink": "https://acme.slack.com/files/U0ADA/F01/graph.png"}]),
    _kind("somebody reacted to a message", type="reaction_added", reaction="eyes", user="U0ADA",
          item={"type": "message", "channel": "C0ALERTS", "ts": "1774101900.000200"}),
    _kind("somebody joined a channel", type="member_joined_channel", user="U0ADA", channel="C0ALERTS"),
    _kind("somebody left a channel", type="member_left_channel", user="U0ADA", channel="C0ALERTS"),
    _kind("the app was removed from the workspace", type="app_uninstalled"),
    _kind("tokens of the app were revoked", type="tokens_revoked", tokens={"bot": ["U0BOT"]}),
    EventKind(
        type="slack.url_verification",
        when="the address was entered; it is answered with the challenge and not routed",
        example={"type": "url_verification", "challenge": "example-challenge"},
    ),
)  # fmt: skip
