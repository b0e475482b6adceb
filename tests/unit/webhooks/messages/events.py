"""Events to tell people about, and messages read back as a platform would show them."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from tieline_webhooks.domain import messages
from tieline_webhooks.domain.events import NormalisedEvent

RECEIVED_AT = datetime(2026, 3, 21, 14, 6, tzinfo=UTC)


def an_event(**members: Any) -> NormalisedEvent:
    """Return an event with everything that a message tells, changed by `members`."""
    return NormalisedEvent(
        **{
            "type": "sentry.issue.created",
            "source": "sentry",
            "subject": "sentry/issue/77",
            "title": "TypeError: cart is undefined",
            "dedupe_key": "k",
            "severity": "error",
            "level": "error",
            "state": "open",
            "status": "unresolved",
            "project": "api-gateway",
            "link": "https://sentry.io/issues/77/?a=1&b=2",
            "detail": "checkout/total.ts in sumOf",
            "actor": "Ada Okafor",
            "occurred_at": datetime(2026, 3, 21, 14, 5, tzinfo=UTC),
            **members,
        }
    )


def rendered(channel: Any, event: NormalisedEvent, **more: Any) -> dict[str, Any]:
    """Return the message about `event`."""
    return messages.render(channel, event, event_id="e-1", received_at=RECEIVED_AT, **more)


def strings_in(body: object) -> list[str]:
    """Return every string of a body."""
    if isinstance(body, str):
        return [body]
    if isinstance(body, dict):
        return [each for value in body.values() for each in strings_in(value)]
    return [each for value in body for each in strings_in(value)] if isinstance(body, list) else []


SPICES = ["@everyone", "@here", "<!channel>", "<@U123>", "<#C1>", "<@&9>", "&", "<", ">", "*", "_", "`", "~", "|", "\\",
          "](", "<b>", "</a>", '"', "'", "&lt;", "javascript:alert(1)", "https://evil.example", "👩‍👩‍👧‍👦", "🇩🇪", "é",
          "\u0301", "\u202e", "\x00", "\n", "\ud800", "각", "क्षि", "👍🏽"]  # fmt: skip

words = st.one_of(
    st.text(st.characters(), max_size=30),
    st.lists(st.sampled_from(SPICES), max_size=12).map("".join),
    st.tuples(st.sampled_from(SPICES), st.integers(1, 5_000)).map(lambda each: each[0] * each[1]),
)
links = st.one_of(
    st.none(),
    words,
    words.map(lambda text: f"https://example.com/{text}"),
    st.integers(0, 2_100).map(lambda size: "https://example.com/?" + "&" * size),
)
events = st.builds(
    an_event,
    title=words,
    detail=st.none() | words,
    project=st.none() | words,
    actor=st.none() | words,
    level=st.none() | words,
    status=st.none() | words,
    state=st.sampled_from([None, "open", "acknowledged", "resolved", "ignored", "deleted"]),
    severity=st.sampled_from(["critical", "error", "warning", "info", "debug"]),
    source=st.sampled_from(["sentry", "pagerduty", "/ci/shop"]),
    link=links,
)
"""Events whose words are anybody's."""
