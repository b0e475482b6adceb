"""Slack's Events API.

The signature covers the timestamp and the body; both sides of five minutes are allowed. `url_verification` is answered
with its challenge, after verification like everything else: store the signing secret before entering the address.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders.base import Expectations, Headers, JsonSender
from tieline_webhooks.domain.senders.reading import (
    Id,
    Reader,
    Shape,
    Text,
    Time,
    body_key,
    dotted,
    excerpt,
    headline,
    instant,
    subject_of,
    web_link,
)
from tieline_webhooks.domain.senders.signing import (
    Secret,
    check_age,
    check_hex,
    keys_of,
    require_hex,
    require_seconds,
)

SIGNATURE = "x-slack-signature"
TIMESTAMP = "x-slack-request-timestamp"
FORM = "v0=<64 lower-case hex digits>"
TOLERANCE = timedelta(minutes=5)  # as Slack's own libraries


class Item(Shape):
    """What a reaction was added to."""

    channel: Text = None
    ts: Text = None


class Channel(Shape):
    """A channel, in events about channels themselves."""

    id: Text = None
    name: Text = None


class File(Shape):
    """A shared file."""

    permalink: Text = None


class Event(Shape):
    """The inner event."""

    type: Text = None
    subtype: Text = None
    text: Text = None
    user: Text = None
    channel: Channel | Text = None
    ts: Text = None
    event_ts: Text = None
    reaction: Text = None
    item: Item | None = None
    files: list[File] | None = None


class Hook(Shape):
    """The body of every request of the Events API."""

    type: Text = None
    challenge: Text = None
    team_id: Id = None
    event_id: Text = None
    event_time: Time = None
    event: Event | None = None


class SlackSender(JsonSender[Hook]):
    """Slack, as a source of events."""

    name: ClassVar[str] = "slack"
    title: ClassVar[str] = "Slack"
    provider: ClassVar[str] = "slack"
    reader = Reader(Hook)
    expects: ClassVar[Expectations] = {
        "sender": "Slack",
        "content_type": "application/json",
        "signature": {
            "headers": ["X-Slack-Signature", "X-Slack-Request-Timestamp"],
            "form": FORM,
            "algorithm": "HMAC-SHA256",
            "encoding": "hex",
            "signed": "v0:{timestamp}:{raw request body}",
            "key": "the app's signing secret, as it is",
        },
        "freshness": "X-Slack-Request-Timestamp, seconds, at most 5 minutes from now",
        "deduplication": "event_id in the body",
        "configure": [
            "In Slack, on your app's Basic Information page, copy the signing secret.",
            "Store it here as webhookSecret of the slack integration.",
            "Then enter this address as request URL under Event Subscriptions: the challenge is answered.",
        ],
    }

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if a secret signed this time and these bytes in the last five minutes; raise a SignatureError."""
        keys = keys_of(secrets)
        signature = require_hex(SIGNATURE, headers.get(SIGNATURE), "v0=", FORM)
        sent = require_seconds(TIMESTAMP, headers.get(TIMESTAMP))
        check_hex(b"v0:%b:%b" % (sent.encode(), body), [signature], keys)
        check_age(int(sent), now, TOLERANCE)

    def immediate_answer(self, body: bytes) -> dict[str, str] | None:
        """Return the challenge of a verified `url_verification`."""
        if b"url_verification" not in body:
            return None
        shape, _ = self.reader.read(body)
        return {"challenge": shape.challenge} if shape.type == "url_verification" and shape.challenge else None

    def event(self, shape: Hook, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event, named by the inner event's type and subtype."""
        del headers
        inner = shape.event or Event()
        kind = inner.type or shape.type or "unknown"
        channel, message = _place(inner)
        key = shape.event_id or body_key(body)
        title = _title(inner, kind)
        return NormalisedEvent(
            type=dotted(f"slack.{kind}.{inner.subtype}" if inner.subtype else f"slack.{kind}"),
            source="slack",
            subject=_subject(shape, channel, message, key),
            title=title,
            dedupe_key=key,
            project=channel,
            project_id=channel,
            link=_link(shape, inner, channel),
            detail=excerpt(inner.text) if inner.text != title else None,
            actor=inner.user,
            occurred_at=instant(shape.event_time),
        )


def _place(inner: Event) -> tuple[str | None, str | None]:
    """Return the channel, and the message in it that the event is about."""
    if inner.item is not None:
        return inner.item.channel, inner.item.ts
    channel = inner.channel.id if isinstance(inner.channel, Channel) else inner.channel
    return channel, inner.ts


def _subject(shape: Hook, channel: str | None, message: str | None, key: str) -> str:
    if channel and message:
        return f"slack/message/{channel}/{message}"
    return f"slack/channel/{channel}" if channel else subject_of("slack/team", shape.team_id, key)


def _title(inner: Event, kind: str) -> str:
    if inner.reaction:
        return f"Reaction :{inner.reaction}: {kind.removeprefix('reaction_')}"
    return headline(inner.text) or f"Slack {kind}".replace("_", " ")


def _link(shape: Hook, inner: Event, channel: str | None) -> str | None:
    file = inner.files[0].permalink if inner.files else None
    place = (
        f"https://slack.com/app_redirect?channel={channel}&team={shape.team_id}" if channel and shape.team_id else None
    )
    return web_link(file, place)
