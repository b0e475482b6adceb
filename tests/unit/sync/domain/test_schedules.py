"""When schedules are due."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tieline_sync.domain.errors import InvalidScheduleError
from tieline_sync.domain.schedules import Schedule, checked

NOW = datetime(2026, 3, 21, 14, 10, 30, tzinfo=UTC)

instants = st.integers(0, 700 * 24 * 3600).map(lambda seconds: NOW - timedelta(days=90) + timedelta(seconds=seconds))


def a_schedule(**changes: Any) -> Schedule:
    return Schedule(workspace_id="w1", integration_id="i1", saved_at=NOW, **changes)


@pytest.mark.parametrize(
    ("cron", "zone", "planned"),
    [
        ("*/15 * * * *", "UTC", "2026-03-21T14:15:00+00:00"),
        ("0 6 * * *", "Europe/Berlin", "2026-03-22T05:00:00+00:00"),
        ("0 6 * * MON", "America/New_York", "2026-03-23T10:00:00+00:00"),
    ],
)
def test_cron_is_read_in_its_time_zone(cron: str, zone: str, planned: str) -> None:
    schedule = checked(a_schedule(cron=cron, time_zone=zone)).planned_after(NOW)

    assert schedule.planned_at == datetime.fromisoformat(planned)


def test_hour_that_a_change_of_clocks_leaves_out_is_not_lost() -> None:
    schedule = a_schedule(cron="30 2 * * *", time_zone="Europe/Berlin")

    planned = schedule.planned_after(datetime(2026, 3, 28, 12, tzinfo=UTC))

    assert planned.planned_at == datetime(2026, 3, 29, 1, tzinfo=UTC)  # 03:00 there, 02:30 does not exist


def test_hour_that_comes_twice_is_planned_once() -> None:
    schedule = a_schedule(cron="30 2 * * *", time_zone="Europe/Berlin").planned_after(
        datetime(2026, 10, 24, 12, tzinfo=UTC)
    )

    following = schedule.ran(schedule.planned_at or NOW)

    assert (schedule.planned_at, following.planned_at) == (
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    )


@given(now=instants, minutes=st.integers(1, 5000))
@settings(max_examples=60)
def test_interval_counts_from_when_it_was_saved(now: datetime, minutes: int) -> None:
    every = timedelta(minutes=minutes)

    planned = a_schedule(every=every).planned_after(now).planned_at

    assert planned is not None
    assert planned > now
    assert planned - every <= max(now, NOW)
    assert (planned - NOW) % every == timedelta()


@given(now=instants, late=st.integers(0, 10**6), jitter=st.integers(0, 3600))
@settings(max_examples=60)
def test_missed_times_are_caught_up_once(now: datetime, late: int, jitter: int) -> None:
    planned = a_schedule(every=timedelta(hours=2), jitter=timedelta(seconds=jitter)).planned_after(now)
    awake = (planned.due_at or now) + timedelta(seconds=late)

    following = planned.ran(awake)

    assert following.last_at == planned.planned_at
    assert following.planned_at is not None
    assert following.planned_at > awake
    assert following.run_id != planned.run_id


@given(now=instants, jitter=st.integers(0, 3600))
@settings(max_examples=60)
def test_jitter_delays_within_its_bound_and_is_the_same_everywhere(now: datetime, jitter: int) -> None:
    schedule = a_schedule(cron="0 * * * *", jitter=timedelta(seconds=jitter)).planned_after(now)

    assert schedule.planned_at is not None
    assert schedule.due_at is not None
    assert timedelta() <= schedule.due_at - schedule.planned_at <= timedelta(seconds=jitter)
    assert replace(schedule).due_at == schedule.due_at


def test_paused_schedule_plans_nothing() -> None:
    schedule = a_schedule(cron="* * * * *", paused=True).planned_after(NOW)

    assert (schedule.planned_at, schedule.due_at) == (None, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "either `cron` or `every`"),
        ({"cron": "* * * * *", "every": timedelta(hours=1)}, "either `cron` or `every`"),
        ({"cron": "61 * * * *"}, "not a cron expression"),
        ({"cron": "* * */20 * 1L"}, "never comes true"),
        ({"cron": "* * * * *", "time_zone": "Mars/Olympus"}, "no time zone Mars/Olympus"),
        ({"cron": "* * * * *", "time_zone": "../../etc/passwd"}, "no time zone"),
        ({"every": timedelta(seconds=30)}, "between a minute and a year"),
        ({"every": timedelta(minutes=5), "jitter": timedelta(minutes=5)}, "shorter than `every`"),
        ({"cron": "* * * * *", "jitter": timedelta(hours=2)}, "an hour at most"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_reason(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidScheduleError, match=re.escape(said)):
        checked(a_schedule(**changes))
