"""What arrives becomes an event that says what people and routes need, whatever its shape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders import SENDERS
from tieline_webhooks.domain.senders.catalogue import KINDS
from tieline_webhooks.domain.senders.catalogue.kind import EventKind
from tieline_webhooks.domain.senders.errors import UnusableBodyError

ALL = sorted(SENDERS)
EVERY_KIND = [pytest.param(name, kind, id=f"{name}:{kind.type}") for name, kinds in KINDS.items() for kind in kinds]

SHOWN_BY_BODY = [each for each in EVERY_KIND if "dependabot_alert" not in str(each.id)]
"""GitHub's kinds of alert have one body: only the header tells them apart."""


def event_of(sender: str, body: object, headers: dict[str, str] | None = None) -> NormalisedEvent:
    """Return the event that `sender` makes of a body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SENDERS[sender].normalise(raw, headers or {})


def test_the_catalogue_has_every_sender() -> None:
    assert set(KINDS) == set(SENDERS)


@pytest.mark.parametrize(("sender", "kind"), EVERY_KIND)
def test_a_kind_of_the_catalogue_is_what_its_example_becomes(sender: str, kind: EventKind) -> None:
    event = event_of(sender, kind.example, dict(kind.headers))

    assert event.type == kind.type
    assert event.source == sender
    assert event.title.strip()
    assert event.subject.startswith(f"{sender}/")
    assert event.link is None or event.link.startswith("https://")
    assert event.repaired_body is None


@pytest.mark.parametrize(("sender", "kind"), SHOWN_BY_BODY)
def test_unsigned_headers_change_nothing_where_the_body_tells_the_kind(sender: str, kind: EventKind) -> None:
    signed_headers = {key: value for key, value in kind.headers.items() if key.startswith("webhook-")}
    expected = event_of(sender, kind.example, dict(kind.headers))

    for spoofed in (
        {},
        {"sentry-hook-resource": "installation", "x-github-event": "push"},
        {"x-github-event": "issues"},
    ):
        assert event_of(sender, kind.example, {**signed_headers, **spoofed}) == expected


def test_the_documented_sentry_example_has_all_that_a_message_needs() -> None:
    event = event_of(
        "sentry",
        {"action": "created", "data": {"issue": {"id": "77", "title": "Boom", "project": {"slug": "api-gateway"}}}},
    )

    assert (event.type, event.subject, event.title) == ("sentry.issue.created", "sentry/issue/77", "Boom")
    assert (event.project, event.state) == ("api-gateway", "open")


@pytest.mark.parametrize(
    ("resource", "type_"), [("seer", "sentry.seer.started"), ("issue", "sentry.unknown"), ("", "sentry.unknown")]
)
def test_an_unsigned_resource_names_only_what_no_body_could_show(resource: str, type_: str) -> None:
    body = {"action": "started", "data": {"run_id": 5}}

    assert event_of("sentry", body, {"sentry-hook-resource": resource}).type == type_


def test_pagerduty_events_have_their_own_name_and_an_alias() -> None:
    event = event_of(
        "pagerduty", {"event": {"id": "1", "event_type": "incident.triggered", "data": {"type": "incident"}}}
    )

    assert event.names == ("incident.triggered", "pagerduty.incident.triggered")


@pytest.mark.parametrize(
    ("urgency", "priority", "severity"),
    [("high", None, "critical"), ("low", None, "warning"), ("high", "P3", "warning"), ("low", "SEV-1", "critical"),
     ("high", "Whatever", "critical"), (None, None, "info")],
)  # fmt: skip
def test_pagerduty_priority_says_how_bad_it_is_where_there_is_one(
    urgency: str | None, priority: str | None, severity: str
) -> None:
    data = {"type": "incident", "id": "P1", "urgency": urgency, "priority": {"summary": priority} if priority else None}

    event = event_of("pagerduty", {"event": {"id": "1", "event_type": "incident.triggered", "data": data}})

    assert event.severity == severity
    assert event.level == urgency


def test_states_follow_an_incident_through_its_life_under_one_subject() -> None:
    life = [kind for kind in KINDS["pagerduty"] if kind.type in {"incident.triggered", "incident.acknowledged",
                                                                  "incident.resolved"}]  # fmt: skip

    events = [event_of("pagerduty", kind.example) for kind in life]

    assert [event.state for event in events] == ["open", "acknowledged", "resolved"]
    assert len({event.subject for event in events}) == 1


@pytest.mark.parametrize(
    ("sender", "type_"),
    [("sentry", "sentry.comment.created"), ("pagerduty", "incident.annotated"),
     ("github", "github.issue_comment.created"), ("linear", "linear.comment.create"), ("jira", "jira.comment.created")],
)  # fmt: skip
def test_a_comment_is_about_the_same_subject_but_reports_no_state(sender: str, type_: str) -> None:
    kind = next(kind for kind in KINDS[sender] if kind.type == type_)
    reporting = next(kind for kind in KINDS[sender] if event_of(sender, kind.example, dict(kind.headers)).state)

    comment = event_of(sender, kind.example, dict(kind.headers))

    assert comment.state is None
    assert comment.detail
    assert comment.subject == event_of(sender, reporting.example, dict(reporting.headers)).subject


@pytest.mark.parametrize(
    ("pull", "state", "status"),
    [({"state": "open"}, "open", "open"), ({"state": "closed", "merged": True}, "resolved", "merged"),
     ({"state": "closed", "merged": False}, "ignored", "closed")],
)  # fmt: skip
def test_a_merged_pull_request_is_resolved_and_an_abandoned_one_ignored(
    pull: dict[str, Any], state: str, status: str
) -> None:
    event = event_of("github", {"action": "closed", "pull_request": {"number": 1, **pull}})

    assert (event.state, event.status) == (state, status)


def test_a_comment_on_a_pull_request_is_about_the_pull_request() -> None:
    body = {
        "action": "created",
        "issue": {"number": 13, "title": "Sum in cents", "pull_request": {"url": "https://api.example.com/13"}},
        "comment": {"body": "Nice"},
        "repository": {"full_name": "acme/shop"},
    }

    event = event_of("github", body, {"x-github-event": "issue_comment"})

    assert event.subject == "github/acme/shop/pull/13"


@pytest.mark.parametrize("member", ["issue", "pull_request", "discussion", "release"])
def test_a_header_cannot_rename_what_the_body_shows(member: str) -> None:
    body = {"action": "opened", member: {"number": 1, "title": "Boom"}, "repository": {"full_name": "acme/shop"}}

    assert event_of("github", body, {"x-github-event": "made_up"}) == event_of("github", body)


def test_a_github_event_that_no_body_shows_is_named_by_its_header() -> None:
    event = event_of("github", {"action": "edited", "milestone": {}}, {"x-github-event": "milestone"})

    assert event.type == "github.milestone.edited"


def test_a_jira_update_that_says_more_precisely_what_happened_has_an_alias() -> None:
    body = {
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_work_started",
        "issue": {"key": "A-1"},
    }

    assert event_of("jira", body).names == ("jira.issue.updated", "jira.issue.work_started")


def test_a_jira_link_keeps_the_path_of_a_self_hosted_site() -> None:
    body = {
        "webhookEvent": "jira:issue_created",
        "issue": {"key": "A-1", "self": "https://corp.example/jira/rest/api/2/issue/9"},
    }

    assert event_of("jira", body).link == "https://corp.example/jira/browse/A-1"


def test_a_jira_issue_known_by_its_api_gateway_address_has_no_page_to_link() -> None:
    body = {"issue": {"key": "A-1", "self": "https://api.atlassian.com/ex/jira/0/rest/api/2/issue/9"}}

    assert event_of("jira", body).link is None


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://a b",
        "https://a\nb",
        "https://" + "a" * 3_000,
    ],
)
def test_a_link_that_nobody_should_open_is_left_out(link: str) -> None:
    event = event_of("linear", {"type": "Issue", "action": "create", "data": {"id": "1"}, "url": link})

    assert event.link is None


def test_slack_gets_its_challenge_back_and_nobody_else_is_answered_early() -> None:
    challenge = b'{"type":"url_verification","challenge":"c-1"}'

    assert SENDERS["slack"].immediate_answer(challenge) == {"challenge": "c-1"}
    assert SENDERS["slack"].immediate_answer(b'{"type":"event_callback","event":{"text":"url_verification"}}') is None
    assert all(SENDERS[name].immediate_answer(challenge) is None for name in set(ALL) - {"slack"})


@pytest.mark.parametrize("name", ["invoice..paid", ".paid", "invoice paid", "*", "!x", "", "x" * 200, 7, None, ["a"]])
def test_a_standard_webhook_whose_type_no_route_could_name_is_kept_as_unknown(name: object) -> None:
    assert event_of("standard-webhooks", {"type": name}, {"webhook-id": "m"}).type == "standard-webhooks.unknown"


def test_facts_of_free_form_data_are_found_under_their_usual_names() -> None:
    data = {
        "id": 9,
        "summary": "Disk is full",
        "priority": "P1",
        "status": "firing",
        "service": {"id": 4, "name": "db"},
        "html_url": "https://ops.example.com/9",
        "actor": {"name": "Ada"},
    }

    event = event_of("standard-webhooks", {"type": "disk.full", "data": data}, {"webhook-id": "m"})

    assert (event.title, event.severity, event.level, event.state) == ("Disk is full", "critical", "P1", "open")
    assert (event.project, event.project_id, event.actor) == ("db", "4", "Ada")
    assert (event.link, event.subject) == ("https://ops.example.com/9", "standard-webhooks/disk/9")


@pytest.mark.parametrize("sender", ALL)
@pytest.mark.parametrize(
    "body", [b"{}", b'{"action":"x","data":{"thing":{}}}', b'{"event":[],"data":7,"issue":"x","type":{}}']
)
def test_a_body_of_an_unknown_shape_is_not_lost(sender: str, body: bytes) -> None:
    first, other = event_of(sender, body), event_of(sender, body + b" ")

    assert first.type.startswith(f"{sender}.")
    assert first.title.strip()
    assert first.subject != other.subject, "two events that identify nothing must not be taken for one thing"


@pytest.mark.parametrize("sender", ALL)
@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b'"text"', b"null", b"7", b'{"a":', b"\xff\xfe", b'{"a":"\xff"}',
             b"payload=%7B%7D", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"{}{}"],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_json_object_is_refused_not_crashed_on(sender: str, body: bytes) -> None:
    with pytest.raises(UnusableBodyError):
        event_of(sender, body)


def test_a_member_of_an_unexpected_type_costs_that_member_only() -> None:
    issue = {"id": "77", "title": "Boom", "level": ["error"], "project": {"slug": "api", "id": {"odd": 1}}}

    event = event_of("sentry", {"action": "created", "data": {"issue": issue, "event": "odd"}, "actor": "Ada"})

    assert (event.type, event.title, event.project) == ("sentry.issue.created", "Boom", "api")
    assert (event.level, event.project_id, event.actor) == (None, None, None)


def test_half_an_emoji_is_repaired_so_that_every_consumer_can_read_the_body() -> None:
    body = b'{"action":"created","data":{"issue":{"id":"77","title":"cut \\ud83d"}},"extra":[NaN,1e999]}'

    event = event_of("sentry", body)

    assert event.type == "sentry.issue.created"
    assert event.repaired_body is not None
    repaired = json.loads(event.repaired_body.decode(), parse_constant=pytest.fail)
    assert repaired["data"]["issue"] == {"id": "77", "title": event.title}
    assert repaired["extra"] == [None, None]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def scrambled(example: Any, draw: st.DrawFn) -> Any:
    """Return an example with some members replaced by something else."""
    if draw(st.integers(0, 9)) == 0:
        return draw(json_values)
    if isinstance(example, dict):
        return {key: scrambled(value, draw) for key, value in example.items()}
    return [scrambled(value, draw) for value in example] if isinstance(example, list) else example


@st.composite
def odd_bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sender, and one of its examples with odd members."""
    sender = draw(st.sampled_from(ALL))
    kind = draw(st.sampled_from(KINDS[sender]))
    body = {key: scrambled(value, draw) for key, value in kind.example.items()}
    return sender, json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@given(odd=odd_bodies())
def test_no_body_whatever_crashes_a_sender(odd: tuple[str, bytes]) -> None:
    sender, body = odd

    event = event_of(sender, body)

    assert event.title.strip()
    assert all(event.type.split("."))
    assert len(event.title) <= 500
    assert len(event.detail or "") <= 1_000
