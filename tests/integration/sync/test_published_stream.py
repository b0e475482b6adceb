"""Surface D's stream at the gateway, compared with its published example byte for byte."""

import re

import httpx2
from starlette.applications import Starlette
from tieline_simulators import Fault, ServiceNowSimulator, running
from tieline_sync.bootstrap import Worker

from tests.integration.sync.bench import SyncBench
from tests.integration.sync.gateway import gateway
from tests.support.registry_stub import an_integration

INTEGRATION = "550e8400-e29b-41d4-a716-446655440000"
ADMIN = {"x-caller": "admin"}

EXPECTED = """\
event: progress
data: {"batch":0,"totalBatches":0,"message":"Fetching incidents from ServiceNow..."}

event: progress
data: {"batch":0,"totalBatches":4,"totalIncidents":18,"message":"Ingesting 18 incidents in 4 batch(es)..."}

event: progress
data: {"batch":1,"totalBatches":4,"incidents":["INC001","INC002","INC003","INC004","INC005"],"totalIncidents":18,\
"message":"Batch 1 of 4 processed (5 incidents)"}

event: progress
data: {"batch":2,"totalBatches":4,"incidents":["INC006","INC007","INC008","INC009","INC010"],"totalIncidents":18,\
"message":"Batch 2 of 4 processed (5 incidents)"}

event: progress
data: {"batch":3,"totalBatches":4,"incidents":["INC011","INC012","INC013","INC014","INC015"],"totalIncidents":18,\
"message":"Batch 3 of 4 processed (5 incidents)"}

event: progress
data: {"batch":4,"totalBatches":4,"incidents":["INC016","INC017","INC018"],"totalIncidents":18,\
"message":"Batch 4 of 4 processed (3 incidents)"}

event: complete
data: {"success":true,"integration":{"id":"550e8400-e29b-41d4-a716-446655440000","service_name":"ServiceNow",\
"auth_type":"basic_auth","config":{"url":"URL","username":"admin","password":"********","lastSynced":"TIME"},\
"is_active":true,"last_synced_at":"TIME","last_sync_status":"success","last_sync_error":null,"updated_at":"TIME",\
"user_id":"user-1"},"stats":{"added":18,"total":18,"last_synced":"TIME"}}

"""


def incidents(count: int, *, first: int = 1) -> list[dict[str, str]]:
    """Return incidents INC001 and on, one second apart."""
    return [
        {
            "sys_id": f"{number:032x}",
            "number": f"INC{number:03}",
            "short_description": f"Something broke, number {number}",
            "sys_created_on": "2026-01-31 08:00:00",
            "sys_updated_on": f"2026-02-01 {number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}",
        }
        for number in range(first, first + count)
    ]


def configure(bench: SyncBench, url: str) -> None:
    """Configure the example's integration."""
    bench.registry.put(
        an_integration(INTEGRATION, config={"url": url, "username": "admin"}, secret_paths=["config.password"]),
        {"config.password": "correct horse"},
    )


def worker_http(worker: Worker) -> Starlette:
    """Return the worker's internal interface as an app."""
    return Starlette(routes=worker.internal_routes())


def without_ids(stream: str) -> str:
    """Return a stream without what is added to the documented one: ids, `retry:` and comments."""
    return re.sub(r"(?m)^(id: .*\n|retry: \d+\n|: .*\n)", "", stream)


def frame_ids(stream: str) -> list[str]:
    """Return the ids of a stream's frames."""
    return re.findall(r"(?m)^id: (.*)$", stream)


async def test_stream_is_the_published_example_byte_for_byte(bench: SyncBench) -> None:
    async with (
        running(servicenow=ServiceNowSimulator(incidents(18))) as addresses,
        bench.worker(),
        gateway(bench.settings) as address,
        httpx2.AsyncClient(base_url=address, headers=ADMIN, timeout=30) as http,
    ):
        url = addresses["servicenow"]
        configure(bench, url)

        answer = await http.post(f"/integrations/sync/{INTEGRATION}", headers={"accept": "text/event-stream"})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert "no-transform" in answer.headers["cache-control"]
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", answer.text.replace(url, "URL"))
    assert without_ids(text) == EXPECTED
    assert answer.text.startswith("retry: ")
    assert len(set(frame_ids(answer.text))) == 7


async def test_documented_errors_come_as_error_events(bench: SyncBench) -> None:
    async with (
        bench.worker(bench.with_runs(most_idle_attempts=1)),
        gateway(bench.settings) as address,
        httpx2.AsyncClient(base_url=address, headers=ADMIN, timeout=30) as http,
        running(servicenow=(instance := ServiceNowSimulator(incidents(3)))) as addresses,
    ):
        unknown = await http.post("/integrations/sync/00000000-0000-0000-0000-000000000000")
        bench.registry.put(an_integration(INTEGRATION), {})
        unconfigured = await http.post(f"/integrations/sync/{INTEGRATION}")
        configure(bench, addresses["servicenow"])
        instance.faults.add(Fault(kind="hang", seconds=20))
        timed_out = await http.post(f"/integrations/sync/{INTEGRATION}")

    assert (unknown.status_code, unknown.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert without_ids(unknown.text) == ('event: error\ndata: {"success":false,"message":"Integration not found"}\n\n')
    assert without_ids(unconfigured.text) == (
        "event: error\n"
        'data: {"success":false,"message":"Missing ServiceNow configuration (url, username, password)"}\n\n'
    )
    assert without_ids(timed_out.text).split("\n\n")[-2] == (
        'event: error\ndata: {"success":false,'
        '"message":"Failed to fetch incidents from ServiceNow: Connection timeout"}'
    )
