"""The same event is recognised however often it is sent, from what is signed and nothing else."""

import json
from typing import Any

import pytest
from tieline_webhooks.domain.events import event_id
from tieline_webhooks.domain.senders import SENDERS

WORKSPACE = "0b8f1c1e-0000-4000-8000-000000000001"


def key_of(sender: str, body: dict[str, Any], **headers: str) -> str:
    """Return the deduplication key; header names are given with underscores."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return SENDERS[sender].normalise(json.dumps(body).encode(), given).dedupe_key


@pytest.mark.parametrize(
    ("sender", "header"),
    [("sentry", "request_id"), ("sentry", "sentry_hook_timestamp"), ("pagerduty", "x_webhook_id"),
     ("github", "x_github_delivery"), ("linear", "linear_delivery"), ("jira", "x_atlassian_webhook_identifier"),
     ("slack", "x_slack_retry_num"), ("slack", "x_slack_request_timestamp")],
)  # fmt: skip
def test_what_is_not_signed_or_changes_per_attempt_does_not_count(sender: str, header: str) -> None:
    body = {"event_id": "Ev1", "event": {"id": "01X"}, "data": {"id": "1"}}

    assert key_of(sender, body, **{header: "1"}) == key_of(sender, body, **{header: "2"}) == key_of(sender, body)


@pytest.mark.parametrize("sender", sorted(SENDERS))
def test_different_bodies_are_different_events_where_they_carry_no_id(sender: str) -> None:
    assert key_of(sender, {"a": 1}) != key_of(sender, {"a": 2})


def test_pagerduty_events_are_known_by_their_id() -> None:
    first = {"event": {"id": "01X", "event_type": "incident.triggered"}}
    resent = {"event": {"id": "01X", "event_type": "incident.triggered", "client": {"name": "api"}}}

    assert key_of("pagerduty", first) == key_of("pagerduty", resent) == "01X"


def test_slack_events_are_known_by_their_signed_id() -> None:
    assert key_of("slack", {"event_id": "Ev1", "event_time": 1}) == key_of(
        "slack", {"event_id": "Ev1", "event_time": 2}
    )


def test_standard_webhooks_are_known_by_their_signed_identifier() -> None:
    assert key_of("standard-webhooks", {"a": 1}, webhook_id="m1") == key_of(
        "standard-webhooks", {"a": 2}, webhook_id="m1"
    )
    assert key_of("standard-webhooks", {"a": 1}, webhook_id="m1") != key_of(
        "standard-webhooks", {"a": 1}, webhook_id="m2"
    )


def test_a_linear_event_sent_again_later_is_the_same_event() -> None:
    def sent(at: int, title: str) -> dict[str, Any]:
        return {"type": "Issue", "data": {"id": "1", "title": title}, "webhookTimestamp": at}

    assert key_of("linear", sent(1, "a")) == key_of("linear", sent(2, "a"))
    assert key_of("linear", sent(1, "a")) != key_of("linear", sent(1, "b"))


def test_a_linear_title_that_quotes_the_send_time_still_tells_events_apart() -> None:
    def quoting(number: int) -> dict[str, Any]:
        return {"data": {"id": "1", "title": f'"webhookTimestamp": {number}'}, "webhookTimestamp": 5}

    assert key_of("linear", quoting(1)) != key_of("linear", quoting(2))


def test_an_event_id_differs_by_workspace_source_and_key_and_by_nothing_else() -> None:
    ids = {
        event_id(WORKSPACE, "sentry", "k"),
        event_id(WORKSPACE[:-1] + "2", "sentry", "k"),
        event_id(WORKSPACE, "github", "k"),
        event_id(WORKSPACE, "sentry", "k2"),
        event_id(WORKSPACE, "sent", "ry\0k"),
    }

    assert len(ids) == 5
    assert event_id(WORKSPACE, "sentry", "k") in ids
    assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in ids)
