"""ServiceNow's incidents, against a stand-in with its rules."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse
from tieline.clock import Clock
from tieline.outgoing import OutgoingClient
from tieline_simulators import Fault, ServiceNowSimulator, running
from tieline_simulators.servicenow import generated_incidents
from tieline_sync.adapters.connectors.servicenow import ServiceNowConnector
from tieline_sync.domain.errors import (
    MissingConfigurationError,
    ProviderCredentialsError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from tieline_sync.ports import FetchedPage, Source

from tests.support.http_server import serving
from tests.support.scripted_server import Received, ScriptedServer
from tests.support.waiting import eventually
from tests.unit.sync.connectors.stored_tokens import KeptTokens, tokens_at
from tests.unit.sync.connectors.support import clock, facts, outgoing, read

BASIC = {"config.password": "pw"}


def connector(http: OutgoingClient, now: Clock = clock) -> ServiceNowConnector:
    return ServiceNowConnector(http, tokens_at(http, now), now)


@asynccontextmanager
async def incidents_of(
    instance: ServiceNowSimulator,
    *,
    page_size: int = 1000,
    secrets: dict[str, str] = BASIC,
    seconds: float = 2.0,
    **config: Any,
) -> AsyncIterator[Source]:
    """The source of an instance; by default with user and password."""
    async with running(servicenow=instance) as addresses, outgoing(seconds) as http:
        configured = {"url": addresses["servicenow"] + "/", "username": "admin", **config}
        yield connector(http).open(facts("servicenow", configured, secrets), page_size=page_size)


def row(number: int, updated_on: str, **fields: str) -> dict[str, str]:
    return {"sys_id": f"{number:032x}", "number": f"INC{number:03}", "sys_updated_on": updated_on, **fields}


def second(number: int) -> str:
    return (datetime(2026, 2, 1, tzinfo=UTC) + timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S")


def ids(instance: ServiceNowSimulator) -> set[str]:
    return set(instance.table._rows)


async def test_every_row_comes_once_in_pages_of_the_size_asked_for() -> None:
    instance = ServiceNowSimulator(generated_incidents(250))
    async with incidents_of(instance, page_size=100) as source:
        found = await read(source)

    assert found.records.keys() == ids(instance)
    assert len(found.met) == 250
    asked = instance.received
    assert all("sysparm_display_value=false" in call.query for call in asked)
    assert all("sysparm_limit=100" in call.query for call in asked)


async def test_record_has_plain_values_and_its_number_as_label() -> None:
    instance = ServiceNowSimulator([row(1, second(5), short_description="It broke", caller_id="Grace Njeri")])
    async with incidents_of(instance) as source:
        found = await read(source)

    (record,) = found.records.values()
    assert (record.id, record.label) == (f"{1:032x}", "INC001")
    assert record.data["sys_updated_on"] == "2026-02-01 00:00:05"
    assert isinstance(record.data["caller_id"], str)


async def test_next_run_reads_only_what_was_updated_since() -> None:
    instance = ServiceNowSimulator(row(number, second(600 * number)) for number in range(50))
    async with incidents_of(instance, page_size=10) as source:
        first = await read(source)
        instance.put_rows([row(7, second(90_000), short_description="again"), row(99, second(90_001))])
        then = await read(source, first.resume)

    assert {f"{number:032x}" for number in (7, 99)} <= then.records.keys()
    assert len(then.met) == 3  # and the row of the last second, which is always read again


async def test_rows_that_share_the_last_second_are_neither_lost_nor_doubled() -> None:
    instance = ServiceNowSimulator(row(number, second(1)) for number in range(5))
    async with incidents_of(instance) as source:
        first = await read(source)
        instance.put_rows([row(50, second(1)), row(51, second(1))])
        then = await read(source, first.resume)

    assert {f"{50:032x}", f"{51:032x}"} <= then.records.keys()
    assert len(then.met) == len(set(then.met)) == 7


async def test_second_that_fills_several_pages_is_read_whole() -> None:
    instance = ServiceNowSimulator(
        [row(number, second(1)) for number in range(3)]
        + [row(number, second(2)) for number in range(3, 38)]
        + [row(number, second(3)) for number in range(38, 45)]
    )
    async with incidents_of(instance, page_size=5) as source:
        found = await read(source)

    assert found.records.keys() == ids(instance)
    assert len(found.met) == 45


async def test_rows_hidden_by_access_rules_do_not_end_the_read() -> None:
    instance = ServiceNowSimulator(generated_incidents(120))
    instance.configure({"acl_hides_every": 2})
    async with incidents_of(instance, page_size=3) as source:
        found = await read(source)

    visible = {key for key in ids(instance) if not instance._hidden(instance.table._rows[key])}
    assert found.records.keys() == visible
    assert len(visible) < 90
    assert 0 in found.sizes, "an empty page was to be among them"


@given(
    updates=st.lists(st.tuples(st.integers(0, 29), st.integers(1, 4)), max_size=12),
    spread=st.integers(1, 12),
    page_size=st.integers(2, 7),
)
@settings(max_examples=15, deadline=None)
async def test_rows_that_change_while_pages_are_read_are_met_as_they_end_up(
    updates: list[tuple[int, int]], spread: int, page_size: int
) -> None:
    instance = ServiceNowSimulator(row(number, second(number // spread)) for number in range(30))
    waiting = list(updates)
    now = 1000

    def change(_page: FetchedPage) -> None:
        nonlocal now
        if waiting:
            number, later = waiting.pop(0)
            now += later
            instance.put_rows([row(number, second(now), short_description=f"changed at {now}")])

    async with incidents_of(instance, page_size=page_size) as source:
        found = await read(source, between=change)
        found.records |= (await read(source, found.resume)).records

    stored = {key: record.data["sys_updated_on"] for key, record in found.records.items()}
    assert stored == {key: values[1] for key, values in instance.table._rows.items()}


async def test_no_match_is_an_empty_page_in_every_version() -> None:
    for version in ("", "v1", "v2"):
        async with incidents_of(ServiceNowSimulator([]), api_version=version) as source:
            found = await read(source)

        assert found.sizes == [0], version


class Moment:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 21, 14, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def grants(instance: ServiceNowSimulator) -> list[str]:
    """The grants of all tokens that were handed out."""
    bodies = [call.body for call in instance.received if call.path == "/oauth_token.do"]
    return [str(body["grant_type"]) for body in bodies if isinstance(body, dict)]


@asynccontextmanager
async def oauth(moment: Moment, secrets: dict[str, str]) -> AsyncIterator[tuple[ServiceNowSimulator, Source]]:
    """An instance whose tokens live for half an hour, and the source of an OAuth client."""
    instance = ServiceNowSimulator(generated_incidents(20), clock=moment.seconds)
    instance.configure({"oauth_clients": {"tieline": "s3cret"}, "oauth_seconds": 1800})
    async with running(servicenow=instance) as addresses, outgoing() as http:
        config = {"url": addresses["servicenow"], "client_id": "tieline"}
        configured = facts("servicenow", config, {"config.client_secret": "s3cret", **secrets})
        yield instance, connector(http, moment).open(configured, page_size=7)


async def test_oauth_token_is_kept_until_it_expires() -> None:
    moment = Moment()
    async with oauth(moment, {}) as (instance, source):
        await read(source)
        used = len(grants(instance))
        moment.move(1790)
        found = await read(source)

    assert used == 1
    assert grants(instance) == ["client_credentials", "client_credentials"]
    assert len(found.records) == 20


async def test_oauth_token_that_is_refused_early_is_renewed_once() -> None:
    moment = Moment()
    async with oauth(moment, {}) as (instance, source):
        await read(source)
        instance.issuer._issued.clear()  # revoked
        found = await read(source)

    assert len(found.records) == 20
    assert grants(instance) == ["client_credentials", "client_credentials"]


async def test_refresh_token_is_exchanged() -> None:
    moment = Moment()
    async with oauth(moment, {}) as (instance, _):
        refresh_token = str(instance.issuer.issue(now=moment.seconds(), with_refresh=True)["refresh_token"])
        async with running(servicenow=instance) as addresses, outgoing() as http:
            config = {"url": addresses["servicenow"], "client_id": "tieline"}
            secrets = {"config.client_secret": "s3cret", "config.refresh_token": refresh_token}
            source = connector(http, moment).open(facts("servicenow", config, secrets), page_size=50)
            found = await read(source)

    assert len(found.records) == 20
    assert grants(instance) == ["refresh_token"]


async def test_a_refresh_token_that_rotates_is_the_next_ones_origin_and_kept() -> None:
    moment, rotation = Moment(), KeptTokens()
    given = iter(range(1, 10))

    def answer(received: Received) -> JSONResponse:
        if received.path != "/oauth_token.do":
            return JSONResponse({"result": []})
        number = next(given)
        return JSONResponse({"access_token": f"a{number}", "refresh_token": f"r{number // 2}", "expires_in": 1800})

    server = ScriptedServer(always=answer)
    async with serving(server) as address, outgoing() as http:
        config = {"url": address, "client_id": "tieline"}
        configured = facts("servicenow", config, {"config.client_secret": "s3cret", "config.refresh_token": "r0"})
        servicenow = ServiceNowConnector(http, tokens_at(http, moment, rotation), moment)
        for _ in range(3):
            await read(servicenow.open(configured, page_size=50))  # as three runs, and the registry does not change
            moment.move(1800)
        await eventually(lambda: len(rotation.kept) == 2)

    forms = [received.raw.decode() for received in server.received if received.path == "/oauth_token.do"]
    assert [form.partition("refresh_token=")[2].partition("&")[0] for form in forms] == ["r0", "r0", "r1"]
    assert [token.refresh_token for token in rotation.kept] == ["r0", "r1"]


async def test_a_client_that_is_refused_is_a_matter_of_credentials() -> None:
    moment = Moment()
    async with oauth(moment, {"config.client_secret": "wr0ng"}) as (_, source):
        with pytest.raises(ProviderCredentialsError) as caught:
            await read(source)

    assert "Check this integration's credentials" in str(caught.value)
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize("path", ["config.api_token", "auth.access_token"])
async def test_token_is_sent_as_bearer(path: str) -> None:
    instance = ServiceNowSimulator(generated_incidents(3))
    instance.configure({"tokens": ["sn-token"], "users": {}})
    async with incidents_of(instance, secrets={path: "sn-token"}, username="") as source:
        found = await read(source)

    assert len(found.records) == 3


@pytest.mark.parametrize(
    ("config", "secrets", "auth", "message"),
    [
        ({}, {}, {}, "Missing ServiceNow configuration (url, username, password)"),
        ({"url": "https://a.example"}, {}, {}, "Missing ServiceNow configuration (url, username, password)"),
        ({"url": "https://a.example", "username": "u"}, {"config.password": "********"}, {}, "username, password"),
        ({"url": "https://a.example"}, {}, {"type": "api_token"}, "Missing ServiceNow configuration (url, api_token)"),
        ({"url": "https://a.example"}, {}, {"type": "oauth2"}, "(url, client_id, client_secret)"),
    ],
)
async def test_missing_configuration_is_named(
    config: dict[str, Any], secrets: dict[str, str], auth: dict[str, Any], message: str
) -> None:
    async with outgoing() as http:
        with pytest.raises(MissingConfigurationError) as caught:
            connector(http).open(facts("servicenow", config, secrets, auth=auth), page_size=5)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        (Fault(kind="hang", seconds=5), ProviderUnavailableError, "Connection timeout"),
        (Fault(kind="slow", seconds=5), ProviderUnavailableError, "Connection timeout"),
        (Fault(kind="reset"), ProviderUnavailableError, "Connection failed"),
        (Fault(kind="truncate"), ProviderUnavailableError, "Connection failed"),
        (Fault(kind="bad_json"), ProviderUnavailableError, "Unreadable answer"),
        (Fault(kind="cut_short"), ProviderUnavailableError, "maximum execution time exceeded"),
        (Fault(kind="status", status=503), ProviderUnavailableError, "HTTP 503"),
        (Fault(kind="status", status=401), ProviderRefusedError, "HTTP 401 (User Not Authenticated). Check"),
        (Fault(kind="status", status=403), ProviderRefusedError, "HTTP 403 (Insufficient rights to query records)"),
    ],
)
async def test_trouble_is_told_apart_and_said(fault: Fault, error: type[Exception], reason: str) -> None:
    instance = ServiceNowSimulator(generated_incidents(4))
    instance.faults.add(fault)
    async with incidents_of(instance, seconds=0.5) as source:
        with pytest.raises(error) as caught:
            await read(source)
        after = await read(source)

    assert reason in str(caught.value)
    assert len(after.records) == 4


async def test_rate_limit_says_how_long_to_wait() -> None:
    instance = ServiceNowSimulator(generated_incidents(4))
    instance.faults.add(Fault(kind="rate_limit", retry_after=17))
    async with incidents_of(instance) as source:
        with pytest.raises(ProviderRateLimitedError) as caught:
            await read(source)

    assert caught.value.wait == timedelta(seconds=17)


async def test_rows_out_of_order_are_refused_instead_of_going_round_in_circles() -> None:
    instance = ServiceNowSimulator(row(number, second(number)) for number in range(9))
    find: Callable[..., Any] = instance.table.find
    instance.table.find = lambda query: find(type(query)())  # type: ignore[method-assign]  # the query is ignored
    async with incidents_of(instance, page_size=3) as source:
        with pytest.raises(ProviderUnavailableError, match="another order"):
            await read(source, most=50)
