from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from tieline.routing.content_filter import compile_filter
from tieline.routing.patterns import RoutePatterns
from tieline_webhooks.domain.route_index import RouteIndex
from tieline_webhooks.domain.routes import ChannelRoute, Reason, Verdict, decide, decide_matched

from tests.unit.webhooks.domain.drawn_patterns import event_names, pattern_lists

ROUTE = ChannelRoute(
    id="r1",
    workspace_id="w1",
    event_type="sentry.*",
    patterns=RoutePatterns.parse("sentry.*"),
    channel="slack",
    channel_id="C0ALERTS",
    project_id=None,
    enabled=True,
    content_filter=None,
    fallback_route_id=None,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
)


@dataclass(frozen=True)
class Event:
    names: tuple[str, ...] = ("sentry.issue.created",)
    project_id: str | None = "4501"
    project: str | None = "checkout"
    data: object = field(default_factory=lambda: {"level": "error"})


class UnreadableEvent:
    names = ("sentry.issue.created",)
    project_id = "4501"
    project = "checkout"

    @property
    def data(self) -> object:
        raise AssertionError("the body was decoded though no filter asked for it")


def asking(patterns: str) -> ChannelRoute:
    return replace(ROUTE, patterns=RoutePatterns.parse(patterns))


ONLY_FATAL = compile_filter({"level": ["fatal"]})

VERDICTS = [
    (ROUTE, Verdict(Reason.MATCHED)),
    (asking("incident.*"), Verdict(Reason.PATTERN_MISMATCH)),
    (asking("*, !**.created"), Verdict(Reason.EXCLUDED, "!**.created")),
    (replace(ROUTE, enabled=False), Verdict(Reason.DISABLED)),
    (replace(ROUTE, project_id="4501"), Verdict(Reason.MATCHED)),
    (replace(ROUTE, project_id="checkout"), Verdict(Reason.MATCHED)),
    (replace(ROUTE, project_id="billing"), Verdict(Reason.PROJECT_MISMATCH, "billing")),
    (replace(ROUTE, content_filter=compile_filter({"level": ["error"]})), Verdict(Reason.MATCHED)),
    (
        replace(ROUTE, content_filter=ONLY_FATAL),
        Verdict(Reason.FILTERED, "/level: none of the alternatives matches"),
    ),
    # of several objections the first
    (replace(asking("incident.*"), enabled=False), Verdict(Reason.PATTERN_MISMATCH)),
    (replace(ROUTE, enabled=False, project_id="billing"), Verdict(Reason.DISABLED)),
    (replace(ROUTE, project_id="billing", content_filter=ONLY_FATAL), Verdict(Reason.PROJECT_MISMATCH, "billing")),
]


@pytest.mark.parametrize(("route", "verdict"), VERDICTS)
def test_route_says_why_it_takes_an_event_or_not(route: ChannelRoute, verdict: Verdict) -> None:
    assert decide(route, Event()) == verdict
    assert verdict.takes is (verdict.reason == "matched")


def test_any_name_of_an_event_matches_and_any_excludes() -> None:
    event = Event(names=("incident.triggered", "pagerduty.incident.triggered"))

    assert decide(asking("pagerduty.*"), event) == Verdict(Reason.MATCHED)
    assert decide(asking("incident.*, !pagerduty.*"), event) == Verdict(Reason.EXCLUDED, "!pagerduty.*")


def test_project_route_refuses_an_event_without_a_project() -> None:
    event = Event(project_id=None, project=None)

    assert decide(replace(ROUTE, project_id="4501"), event) == Verdict(Reason.PROJECT_MISMATCH, "4501")


def test_body_is_not_decoded_without_a_content_filter() -> None:
    assert decide(replace(ROUTE, project_id="4501"), UnreadableEvent()) == Verdict(Reason.MATCHED)


@given(pattern_lists, event_names)
def test_explanation_agrees_with_the_index(patterns: str, names: tuple[str, ...]) -> None:
    route = asking(patterns)
    event = Event(names=names)

    matched = RouteIndex.build([route]).match(names)

    assert [decide_matched(found, event) for found in matched] == [decide(route, event)] * len(matched)
    assert decide(route, event).takes is bool(matched)
