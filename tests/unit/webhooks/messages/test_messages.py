"""Messages tell people what they need, keep to their platform's limits, and cannot be made to do anything else."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.messages import with_destination
from tieline_webhooks.domain.messages.text import length

from tests.unit.webhooks.messages.events import RECEIVED_AT, an_event, events, rendered, strings_in

CHATS = ["slack", "discord", "telegram", "whatsapp"]
CHANNELS = [*CHATS, "webhook"]


def shown(channel: str, body: dict[str, Any]) -> str:
    """Return all text of a message as its readers see it, links included."""
    text = "\n".join(strings_in(body))
    if channel == "discord":
        return re.sub(r"\\(\W|_)", r"\1", text)
    if channel in {"slack", "telegram"}:
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_tells_title_level_project_state_and_link(channel: str) -> None:
    event = an_event(level="fatal", project="api_gateway", title="Total <is> *wrong* & late")

    text = shown(channel, rendered(channel, event))

    for told in (
        "Total <is> *wrong* & late",
        "fatal",
        "api_gateway",
        "unresolved",
        "https://sentry.io/issues/77/?a=1&b=2",
    ):
        assert told in text


@pytest.mark.parametrize(
    ("source", "labels"),
    [("pagerduty", ("Urgency", "Service")), ("github", ("Level", "Repository")), ("linear", ("Priority", "Team")),
     ("jira", ("Priority", "Project")), ("/ci/shop", ("Level", "Project"))],
)  # fmt: skip
def test_facts_go_by_the_words_of_the_sender(source: str, labels: tuple[str, str]) -> None:
    fields = rendered("discord", an_event(source=source))["embeds"][0]["fields"]

    assert [field["name"] for field in fields][:2] == list(labels)


@pytest.mark.parametrize("channel", CHATS)
def test_a_change_of_state_tells_both(channel: str) -> None:
    event = an_event(state="resolved", status="resolved")

    text = shown(channel, rendered(channel, event, resolved_from="open"))

    assert "open → resolved" in text
    assert "✅" in text


@pytest.mark.parametrize("channel", CHATS)
def test_the_same_state_again_is_no_change(channel: str) -> None:
    assert "→" not in shown(channel, rendered(channel, an_event(), resolved_from="open"))


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_event_that_says_little_still_makes_a_message(channel: str) -> None:
    event = NormalisedEvent(
        type="deploy.finished", source="/ci", subject="/ci", title="deploy finished", dedupe_key="k"
    )

    text = shown(channel, rendered(channel, event))

    assert "deploy finished" in text
    assert "None" not in text


def test_severity_colours_a_message_until_it_is_resolved() -> None:
    def colours(event: NormalisedEvent) -> tuple[int, str]:
        return rendered("discord", event)["embeds"][0]["color"], rendered("slack", event)["attachments"][0]["color"]

    severities = ("critical", "error", "warning", "info", "debug")
    active = {colours(an_event(severity=severity, state="open")) for severity in severities}
    resolved = {colours(an_event(severity=severity, state="resolved")) for severity in severities}

    assert len(active) == len(severities)
    assert len(resolved) == 1
    assert resolved.isdisjoint(active)
    assert all(slack == f"#{discord:06x}" for discord, slack in active | resolved)


def test_the_time_of_receipt_stands_in_where_the_sender_gave_none() -> None:
    event = an_event(occurred_at=None)

    assert rendered("discord", event)["embeds"][0]["timestamp"] == RECEIVED_AT.isoformat()
    assert rendered("webhook", event)["timestamp"] == "2026-03-21T14:06:00Z"


def test_a_webhook_message_is_a_standard_webhooks_body() -> None:
    body = rendered("webhook", an_event(state="resolved", aliases=("x.y",)), resolved_from="open")

    assert (body["id"], body["type"], body["timestamp"]) == ("e-1", "sentry.issue.created", "2026-03-21T14:05:00Z")
    assert body["data"]["subject"] == "sentry/issue/77"
    assert (body["data"]["state"], body["data"]["previousState"]) == ("resolved", "open")
    assert body["data"]["aliases"] == ["x.y"]


@pytest.mark.parametrize("channel", CHATS)
@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "//evil.example", " https://a"]
)
def test_a_link_that_is_not_http_is_never_in_a_message(channel: str, link: str) -> None:
    assert link not in "\n".join(strings_in(rendered(channel, an_event(link=link))))


@pytest.mark.parametrize("channel", CHANNELS)
@given(event=events)
def test_any_message_can_be_sent_as_json(channel: str, event: NormalisedEvent) -> None:
    json.dumps(rendered(channel, event), ensure_ascii=False).encode(
        "utf-8", "strict" if channel != "webhook" else "replace"
    )


def parts_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the text objects of a block."""
    return [*filter(None, [block.get("text")]), *block.get("fields", []), *block.get("elements", [])]


@given(event=events)
def test_slack_text_holds_no_markup_but_our_one_link(event: NormalisedEvent) -> None:
    body = rendered("slack", event)

    blocks = [*body["blocks"], *body["attachments"][0]["blocks"]]
    texts = [
        part for block in blocks for part in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    ]
    for part in filter(None, texts):
        without_link = re.sub(r"^(\S+ \*)<https?://[^<>|\s]+\|([^<>]*)>\*$", r"\1\2*", part["text"])
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", without_link)
        assert part["verbatim"] is True
        assert 0 < length(part["text"]) <= 3_000
    assert not re.search(r"[<>]", body["text"])
    assert 0 < length(body["text"]) <= 4_000
    for fields in [block["fields"] for block in blocks if "fields" in block]:
        assert 0 < len(fields) <= 10
        assert all(length(field["text"]) <= 2_000 for field in fields)


@given(event=events)
def test_discord_embeds_keep_to_their_limits_and_call_nobody(event: NormalisedEvent) -> None:
    body = rendered("discord", event)

    [embed] = body["embeds"]
    assert body["allowed_mentions"] == {"parse": []}
    assert "content" not in body
    others = [embed["title"], embed.get("description", ""), *(field["value"] for field in embed["fields"])]
    for text in others:
        assert not re.search(r"(?<!\\)(?:\\\\)*[<>*_~`|\[\]#]", text.replace("\\\\", "")), text
        assert not re.search(r"(?<!\w)@(?=\w)", text)
    assert 0 < length(embed["title"]) <= 256
    assert length(embed.get("description", "")) <= 4_096
    assert all(0 < length(field["value"]) <= 1_024 for field in embed["fields"])
    assert length(embed["footer"]["text"]) <= 2_048
    assert sum(map(length, [*others, embed["footer"]["text"], *(field["name"] for field in embed["fields"])])) <= 6_000


class Page(HTMLParser):
    """What Telegram would make of a text: its tags, its links and what is between them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str | None] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(event=events)
def test_telegram_html_holds_our_tags_only_and_calls_nobody(event: NormalisedEvent) -> None:
    body = rendered("telegram", event)

    page = Page(body["text"])
    assert [tag for tag in page.tags if tag != "a"] == ["b", "i"]
    assert page.tags.count("a") <= 1
    assert all(link and link.startswith(("https://", "http://")) for link in page.links)
    assert page.attributes <= {"href"}
    assert not re.search(r"(?<!\w)@(?=\w)", page.text)
    assert 0 < length(body["text"]) <= 4_096
    assert body["parse_mode"] == "HTML"


def test_a_quote_in_a_link_does_not_end_it() -> None:
    page = Page(rendered("telegram", an_event(link='https://example.com/"onclick="x'))["text"])

    assert page.links == ["https://example.com/%22onclick=%22x"]
    assert page.attributes == {"href"}


@pytest.mark.parametrize("channel", ["telegram", "whatsapp"])
@pytest.mark.parametrize("source", ["pagerduty", "github", "jira"])
def test_everything_at_its_longest_still_fits(channel: str, source: str) -> None:
    long = "Ünï " * 2_000
    link = "https://example.com/" + "a" * 1_400
    event = an_event(
        source=source, type=long, title=long, level=long, project=long, status=long, actor=long, detail=long, link=link
    )

    text = rendered(channel, event, resolved_from="acknowledged")["text"]

    told = text if isinstance(text, str) else text["body"]
    assert length(told) <= 4_096
    assert link in told


@given(event=events)
def test_whatsapp_text_keeps_to_its_limit(event: NormalisedEvent) -> None:
    body = rendered("whatsapp", event)

    assert 0 < length(body["text"]["body"]) <= 4_096
    assert body["text"]["preview_url"] is False


def test_a_destination_is_added_where_the_platform_has_it_in_the_body() -> None:
    delivery = "5b1f7c0e-7b1c-5d5a-9c53-3f6d1d9a7e10"

    def addressed(channel: Any, channel_id: str) -> dict[str, Any]:
        return with_destination(channel, {"kept": 1}, channel_id, delivery_id=delivery)

    assert addressed("slack", "C0ALERTS")["channel"] == "C0ALERTS"
    assert addressed("slack", "C0ALERTS")["metadata"]["event_payload"] == {"delivery_id": delivery}
    assert addressed("telegram", "-1001")["chat_id"] == "-1001"
    assert addressed("whatsapp", "+4915112345678") == {
        "kept": 1,
        "to": "+4915112345678",
        "recipient_type": "individual",
    }
    assert addressed("whatsapp", "Y2FwaV9ncm91cA")["recipient_type"] == "group"
    assert addressed("discord", "9")["enforce_nonce"] is True
    assert len(addressed("discord", "9")["nonce"]) == 25
    assert addressed("webhook", "https://example.com/hook") == {"kept": 1}
