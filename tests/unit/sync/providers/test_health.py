"""How calls go: when a provider is left alone, and when credentials count as failed."""

from dataclasses import replace
from datetime import timedelta

from tieline_sync.domain.providers.health import FAILURES_TO_OPEN, REST, Health

from tests.unit.sync.providers.facts import NOW

NEW = Health(integration_id="i", workspace_id="w", revision=1)
LATER = NOW + timedelta(minutes=1)


def after_outages(count: int) -> Health:
    health = NEW
    for _ in range(count):
        health = health.failed(NOW, "HTTP 503", is_outage=True, refused=False)
    return health


def test_many_outages_in_a_row_open_the_breaker_for_a_while() -> None:
    almost, opened = after_outages(FAILURES_TO_OPEN - 1), after_outages(FAILURES_TO_OPEN)

    assert not almost.is_open(NOW)
    assert opened.rest(NOW) == REST
    assert not opened.is_open(NOW + REST)


def test_one_more_outage_after_the_rest_opens_it_again() -> None:
    after = NOW + REST

    assert after_outages(FAILURES_TO_OPEN).failed(after, "x", is_outage=True, refused=False).is_open(after)


def test_one_answer_closes_it() -> None:
    assert not after_outages(FAILURES_TO_OPEN).succeeded(LATER).is_open(LATER)


def test_a_refusal_is_no_outage() -> None:
    health = after_outages(FAILURES_TO_OPEN - 1).failed(NOW, "HTTP 400", is_outage=False, refused=False)

    assert not health.failed(NOW, "HTTP 503", is_outage=True, refused=False).is_open(NOW)


def test_credentials_have_failed_until_they_work_again() -> None:
    refused = NEW.succeeded(NOW).failed(LATER, "HTTP 401", is_outage=False, refused=True)

    assert refused.credentials_failed_at == LATER
    assert refused.failed(LATER, "HTTP 503", is_outage=True, refused=False).credentials_failed_at == LATER
    assert refused.succeeded(LATER + timedelta(seconds=1)).credentials_failed_at is None


def test_with_other_settings_what_failed_before_says_nothing() -> None:
    broken = replace(after_outages(FAILURES_TO_OPEN), refused_at=NOW)

    fresh = broken.at_revision(2)

    assert (fresh.is_open(NOW), fresh.credentials_failed_at, fresh.last_error) == (False, None, "HTTP 503")
    assert broken.at_revision(1) is broken
