"""How calls go: when a provider is left alone, and when credentials count as failed."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from tieline.contracts.integrations import Integration
from tieline_sync.domain.providers.errors import CredentialsRefusedError, UpstreamError
from tieline_sync.domain.providers.health import FAILURES_TO_OPEN, REST, Health
from tieline_sync.handlers.health_log import HealthLog

from tests.unit.sync.providers.facts import NOW, facts

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


@dataclass
class Kept:
    """A store and events that remember what they were given."""

    health: dict[str, Health] = field(default_factory=dict)
    told: list[Health] = field(default_factory=list)

    async def save(self, health: Health) -> None:
        self.health[health.integration_id] = health

    async def of_workspace(self, _workspace_id: str) -> dict[str, Health]:
        return self.health

    async def credentials_failed(self, integration: Integration, health: Health) -> None:
        del integration
        self.told.append(health)


@dataclass
class SetClock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def test_after_a_rest_one_call_alone_is_let_through() -> None:
    clock, integration = SetClock(), facts().integration
    log = HealthLog(Kept(), Kept(), clock)
    whose = (integration.workspace_id, integration.id, integration.revision)
    for _ in range(FAILURES_TO_OPEN):
        log.admit(*whose)
        log.note_failure(integration, UpstreamError("HTTP 503"))

    with pytest.raises(UpstreamError, match="the next is tried in 15 s"):
        log.admit(*whose)
    clock.now += REST
    log.admit(*whose)
    with pytest.raises(UpstreamError) as caught:
        log.admit(*whose)  # while the first is on its way
    log.note_failure(integration, UpstreamError("HTTP 503"))
    with pytest.raises(UpstreamError):
        log.admit(*whose)
    clock.now += REST
    log.admit(*whose)
    log.note_success(integration)

    assert caught.value.retry_after == REST
    for _ in range(3):
        log.admit(*whose)


def test_changed_settings_are_tried_at_once() -> None:
    integration = facts().integration
    log = HealthLog(Kept(), Kept(), SetClock())
    for _ in range(FAILURES_TO_OPEN):
        log.note_failure(integration, UpstreamError("HTTP 503"))

    log.admit(integration.workspace_id, integration.id, integration.revision + 1)


async def test_credentials_that_stay_refused_are_told_once() -> None:
    kept, integration = Kept(), facts().integration
    log = HealthLog(kept, kept, SetClock())
    log.note_failure(integration, CredentialsRefusedError("HTTP 401"))

    await log.flush()
    log.note_failure(integration, CredentialsRefusedError("HTTP 401"))
    await log.flush()

    assert len(kept.told) == 1
    assert kept.health[integration.id].last_error == "HTTP 401"
