"""A sync through the gateway with a sync worker behind it, and what it brought in."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from tieline.settings import OutgoingSettings
from tieline_simulators import ServiceNowSimulator, running
from tieline_simulators.servicenow import generated_incidents
from tieline_sync import bootstrap as sync
from tieline_sync.settings import SyncSettings

from tests.support.gateway_stack import Caller, GatewayStack
from tests.support.stacks import until

INCIDENTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """A workspace with a ServiceNow integration that was synced once, and the gateway in front."""

    caller: Caller
    url: str
    integration_id: str
    events: list[tuple[str, Any]]
    stack: GatewayStack

    def get(self, rest: str, **query: Any) -> Any:
        """Return the body of a successful GET below the integration."""
        path = self.caller.v1(f"integrations/{self.integration_id}{rest}")
        answer = self.caller.http.get(self.url + path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, rest: str, body: Any = None, *, by: Caller | None = None) -> Any:
        """Return the answer to a request below the integration."""
        path = self.caller.v1(f"integrations/{self.integration_id}{rest}")
        return (by or self.caller).http.request(method, self.url + path, json=body)


def stream(caller: Caller, url: str) -> list[tuple[str, Any]]:
    """Return the events of a stream."""
    events = []
    with caller.http.stream("POST", url, headers={"accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                events.append((name, json.loads(value)))
    return events


@pytest.fixture(scope="module")
def synced(stack: GatewayStack) -> Iterator[Synced]:
    """What the tests look at."""
    settings = SyncSettings(
        kafka=stack.kafka,
        mongo=stack.mongo,
        internal=stack.internal(),
        outgoing=OutgoingSettings(allow_http=True, dangerous_allow_private_addresses=True),
    )
    simulators = AsyncExitStack()
    incidents = list(generated_incidents(INCIDENTS))
    addresses = stack.run(simulators.enter_async_context(running(servicenow=ServiceNowSimulator(incidents))))
    app, _health = sync.create_app(settings)
    with (
        stack.serve(app) as worker,
        stack.another_gateway(internal=stack.internal(sync_worker_url=worker)) as url,
    ):
        caller = stack.workspace()
        config = {"url": addresses["servicenow"], "username": "admin", "password": "sample-password"}
        body = {"service_name": "ServiceNow", "auth_type": "basic_auth", "config": config, "is_active": True}
        created = caller.http.post("/integrations/create", json=body).json()["integration"]
        events = stream(caller, f"{url}/integrations/sync/{created['id']}")
        yield Synced(caller=caller, url=url, integration_id=created["id"], events=events, stack=stack)
    stack.run(simulators.aclose())


def test_a_sync_streams_progress_and_completes(synced: Synced) -> None:
    names = [name for name, _ in synced.events]
    ingested = [number for _, data in synced.events for number in data.get("incidents", ())]

    assert (names[0], names[-1]) == ("progress", "complete")
    assert len(ingested) == INCIDENTS
    assert synced.events[-1][1]["stats"]["added"] == INCIDENTS


def test_the_surfaces_tell_when_it_was_last_synced(synced: Synced) -> None:
    stats = synced.events[-1][1]["stats"]
    http = synced.caller.http

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = http.get(f"/integrations/id/{synced.integration_id}").json()["integration"]
        return found

    until(lambda: shown()["last_sync_status"] == "success")
    known = http.get("/api/integrations/status", headers=synced.caller.org()).json()["integrations"]

    assert shown()["last_synced_at"] == shown()["config"]["lastSynced"] == stats["last_synced"]
    assert [one["lastSync"] for one in known if one["id"] == "servicenow"] == [stats["last_synced"]]


def test_runs_are_listed_without_what_is_internal(synced: Synced) -> None:
    page = synced.get("/runs")

    [run] = page["items"]
    assert (run["state"], run["added"], run["dataset_version"]) == ("completed", INCIDENTS, 1)
    assert "events_partition" not in run
    assert synced.get(f"/runs/{run['id']}") == run
    assert (page["has_more"], page["total"]) == (False, 1)


def test_raw_pages_are_given_back(synced: Synced) -> None:
    run = synced.get("/runs")["items"][0]

    page = synced.get(f"/runs/{run['id']}/pages")["items"][0]
    raw = synced.send("GET", f"/runs/{run['id']}/pages/{page['number']}")

    assert page["rows"] == INCIDENTS
    assert raw.headers["content-disposition"] == "attachment"
    assert len(json.loads(raw.content)["result"]) == INCIDENTS


def test_records_are_listed_searched_and_filtered(synced: Synced) -> None:
    first = synced.get("/records", limit=5)
    second = synced.get("/records", limit=100, continuation_token=first["continuation_token"])
    one = first["items"][0]

    labels = [record["label"] for page in (first, second) for record in page["items"]]
    found = synced.get("/records", where=f"number={one['label']}", limit=100)
    searched = synced.get("/records", search=one["label"].lower(), limit=100)
    assert len(set(labels)) == first["total"] == INCIDENTS
    assert [record["id"] for record in found["items"]] == [one["id"]]
    assert one["id"] in [record["id"] for record in searched["items"]]


def test_versions_are_listed_compared_and_rolled_back(synced: Synced) -> None:
    stream(synced.caller, f"{synced.url}/integrations/sync/{synced.integration_id}")

    versions = synced.get("/datasets")
    back = synced.send("POST", "/datasets/1/rollback")

    assert versions["items"][-1]["version"] == 1
    assert synced.get("/datasets/diff", from_version=1, to_version=1)["items"] == []
    assert (back.status_code, back.json()["current"]) == (200, 1)
    assert synced.get("/datasets")["current"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"cron": "0 3 * * *", "every": 60},
        {"cron": "never"},
        {"every": 0},
        {"every": 60, "time_zone": "Moon/Crater"},
        {"every": 60, "typo": 1},
    ],
)
def test_a_schedule_that_can_not_be_followed_is_refused(synced: Synced, body: Any) -> None:
    answer = synced.send("PUT", "/schedule", body)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", "/runs/none"),
        ("GET", "/runs/none/pages"),
        ("GET", "/runs/none/pages/1"),
        ("GET", "/records?version=99"),
        ("GET", "/datasets/diff?from_version=1&to_version=99"),
        ("POST", "/datasets/99/rollback"),
    ],
)
def test_what_is_not_there_is_404(synced: Synced, method: str, rest: str) -> None:
    answer = synced.send(method, rest)

    assert answer.status_code == 404
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize("where", ["number", "=x"])
def test_a_filter_that_is_none_is_refused(synced: Synced, where: str) -> None:
    assert synced.send("GET", f"/records?where={where}").status_code == 422


def test_reading_and_changing_need_their_permissions(synced: Synced) -> None:
    viewer = synced.stack.key(synced.caller, "integration.view")
    syncer = synced.stack.key(synced.caller, "integration.sync")
    stranger = synced.stack.workspace()

    assert synced.send("GET", "/records", by=viewer).status_code == 200
    assert synced.send("GET", "/records", by=syncer).status_code == 403
    assert synced.send("POST", "/datasets/1/rollback", by=viewer).status_code == 403
    assert synced.send("PUT", "/schedule", {"every": 60}, by=viewer).status_code == 403
    assert synced.send("GET", "/records", by=stranger).status_code == 404


def test_a_stream_token_reads_one_stream_without_a_key(synced: Synced) -> None:
    path = f"{synced.url}/integrations/sync/{synced.integration_id}"
    accepted = synced.caller.http.post(path, headers={"prefer": "respond-async"})
    events = accepted.json()["events"]

    with synced.caller.http.stream("GET", synced.url + events, headers={"authorization": ""}) as answer:
        text = "".join(answer.iter_text())
    forged = synced.caller.http.get(synced.url + events[:-4] + "AAAA", headers={"authorization": ""})

    assert accepted.status_code == 202
    assert "event: complete" in text
    assert forged.status_code == 401


def test_503_in_shape_while_the_sync_worker_is_away(stack: GatewayStack, synced: Synced) -> None:
    with stack.another_gateway(internal=stack.internal(sync_worker_url="http://127.0.0.1:9")) as address:
        path = synced.caller.v1(f"integrations/{synced.integration_id}/runs")
        answer = synced.caller.http.get(address + path)

    assert answer.status_code == 503
    assert answer.json() == {"detail": "The sync worker is not available"}
