"""What an attempt makes of a delivery."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.deliveries import (
    MAX_AGE,
    MAX_HISTORY,
    Blocked,
    Delivered,
    Delivery,
    Failed,
    Outcome,
    Parked,
    RateLimited,
    Refused,
    State,
    Superseded,
    delivery_id,
    released,
    replayed,
    settled,
)
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.retries import SCHEDULE

NOW = datetime(2026, 3, 21, 14, 5, tzinfo=UTC)


def a_delivery(**changes: object) -> Delivery:
    event = NormalisedEvent(
        type="sentry.issue.created", source="sentry", subject="sentry/issue/1", title="Broken", dedupe_key="k"
    )
    delivery = Delivery(
        id="d1",
        workspace_id="w1",
        event_id="e1",
        event=event,
        route_id="r1",
        channel="slack",
        channel_id="C1",
        position=7,
        state=State.PENDING,
        due=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(delivery, **changes)  # type: ignore[arg-type]  # fields of a delivery


def after(delivery: Delivery, outcome: Outcome, *, at: datetime = NOW) -> Delivery:
    return settled(delivery, outcome, now=at, milliseconds=12, uniform=lambda low, high: (low + high) / 2)


def test_a_delivery_that_always_fails_is_tried_by_the_schedule_and_then_dead() -> None:
    delivery, waits = a_delivery(), []
    while delivery.state is State.PENDING:
        waits.append(delivery.due)
        delivery = after(delivery, Failed(detail="500"), at=delivery.due)

    assert [(due - NOW) for due in waits] == [sum(SCHEDULE[: n + 1], timedelta()) for n in range(10)]
    assert (delivery.state, delivery.reason, delivery.attempts) == (State.DEAD, "attempts_exhausted", 10)


@given(fraction=st.floats(0, 1), attempts=st.integers(0, 8))
def test_waits_vary_by_a_fifth_and_no_more(fraction: float, attempts: int) -> None:
    failed = settled(
        a_delivery(attempts=attempts),
        Failed(detail="500"),
        now=NOW,
        milliseconds=1,
        uniform=lambda low, high: low + (high - low) * fraction,
    )

    wanted = SCHEDULE[attempts + 1]
    assert wanted * 0.8 <= failed.due - NOW <= wanted * 1.2


def test_a_rate_limit_counts_as_no_attempt_and_is_kept() -> None:
    limited = after(a_delivery(attempts=3), RateLimited(retry_after=timedelta(seconds=40)))

    assert (limited.state, limited.attempts) == (State.PENDING, 3)
    assert limited.due >= NOW + timedelta(seconds=40)


def test_a_failure_that_asks_for_a_longer_wait_gets_it() -> None:
    failed = after(a_delivery(), Failed(detail="503", retry_after=timedelta(minutes=3)))

    assert failed.due >= NOW + timedelta(minutes=3)


def test_a_destination_that_only_says_later_is_given_up_after_three_days() -> None:
    old = a_delivery(created_at=NOW - MAX_AGE - timedelta(seconds=1))

    assert after(old, RateLimited(retry_after=timedelta(seconds=1))).reason == "expired"


@pytest.mark.parametrize("again", [released, replayed])
@pytest.mark.parametrize("outcome", [RateLimited(retry_after=timedelta(seconds=1)), Failed(detail="500")])
def test_what_is_sent_again_after_a_week_is_tried_as_long_as_anything_else(again: Any, outcome: Outcome) -> None:
    week = NOW + timedelta(days=7)
    parked = again(a_delivery(state=State.PARKED), now=week)

    tried = after(parked, outcome, at=week + timedelta(hours=1))
    given_up = after(tried, outcome, at=week + MAX_AGE + timedelta(seconds=1))

    assert tried.state is State.PENDING
    assert (given_up.state, given_up.reason) == (State.DEAD, "expired")


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Delivered(message_id="m1"), State.DELIVERED, None),
        (Refused(detail="invalid_blocks"), State.DEAD, "invalid_blocks"),
        (Blocked(reason=Parked.NOT_CONFIGURED), State.PARKED, "integration_not_configured"),
        (Superseded(), State.SUPPRESSED, "superseded"),
    ],
)
def test_other_outcomes_end_it(outcome: Outcome, state: State, reason: str | None) -> None:
    ended = after(a_delivery(), outcome)

    assert (ended.state, ended.reason) == (state, reason)


@pytest.mark.parametrize(
    ("delivered", "uncertain"),
    [(Delivered(), True), (Delivered(message_id="m1", found=True), False), (Delivered(edited=True), False)],
)
def test_a_lost_answer_is_remembered_unless_the_message_is_known_to_be_there_once(
    delivered: Delivered, uncertain: bool
) -> None:
    lost = after(a_delivery(), Failed(detail="reset", answer_lost=True))
    failed_again = after(lost, Failed(detail="500"))

    assert (lost.uncertain, failed_again.uncertain) == (True, True)
    assert after(failed_again, delivered).uncertain is uncertain


def test_released_and_replayed_deliveries_start_over() -> None:
    parked = a_delivery(state=State.PARKED, reason="route_disabled", attempts=2)
    dead = a_delivery(state=State.DEAD, reason="attempts_exhausted", attempts=10, message_id="m1")

    freed, again = released(parked, now=NOW), replayed(dead, now=NOW)

    assert (freed.state, freed.attempts, freed.due, freed.forced, freed.replays) == (State.PENDING, 0, NOW, True, 0)
    assert (again.state, again.attempts, again.message_id, again.replays) == (State.PENDING, 0, None, 1)


def test_only_the_last_attempts_are_kept() -> None:
    delivery = a_delivery()
    for number in range(MAX_HISTORY + 5):
        delivery = after(delivery, RateLimited(retry_after=timedelta(seconds=number)))

    assert len(delivery.history) == MAX_HISTORY
    assert delivery.history[-1].detail == f"retry after {MAX_HISTORY + 4} s"


def test_an_event_and_a_route_have_one_delivery() -> None:
    assert delivery_id("e1", "r1") == delivery_id("e1", "r1")
    assert len({delivery_id("e1", "r1"), delivery_id("e1", "r2"), delivery_id("e1r", "1")}) == 3
