"""The ServiceNow stand-in against documented and recorded answers."""

import base64
import json
from collections import Counter
from typing import Any

import httpx2
import pytest
from starlette.datastructures import Headers, QueryParams
from tieline_simulators import ServiceNowSimulator, WebhookSimulator, running
from tieline_simulators.calls import Call
from tieline_simulators.servicenow import incidents_from_event_log
from tieline_simulators.servicenow.paging import page_of

from tests.shared_data import shared_data

TABLE = "/api/now/table/incident"


def documented(*parts: str) -> Any:
    return json.loads(shared_data("servicenow", "table_api", *parts).read_text())


def samples() -> list[dict[str, str]]:
    return [each for each in documented("link_header_samples.json") if "request" in each and "-1>" not in each["Link"]]


def test_link_header_is_the_recorded_one() -> None:
    for sample in samples():
        path, _, query = sample["request"].removeprefix("GET ").partition("?")
        call = Call(
            method="GET",
            path=path,
            base_url=f"https://{sample['instance']}.service-now.com",
            params={},
            query=QueryParams(query),
            query_string=query,
            headers=Headers(),
            raw=b"",
        )

        assert page_of(call, int(sample["X-Total-Count"])).link(call) == sample["Link"]


@pytest.mark.parametrize(
    ("recorded", "url", "fault"),
    [
        ("401", TABLE, {"fault": "status", "status": 401}),
        ("404", f"{TABLE}/{'0' * 32}", None),
        ("400_invalid_table", "/api/now/table/sys_nonexistent", None),
        ("429", TABLE, {"fault": "rate_limit"}),
    ],
)
async def test_error_bodies_are_the_recorded_ones(recorded: str, url: str, fault: dict[str, Any] | None) -> None:
    known = documented("errors.json")[recorded]
    async with running(servicenow=ServiceNowSimulator()) as addresses, httpx2.AsyncClient(auth=("a", "b")) as api:
        if fault:
            await api.post(addresses["servicenow"] + "/_faults", json=fault)
        answer = await api.get(addresses["servicenow"] + url)

    assert answer.status_code == int(recorded[:3])
    assert answer.json() == known["body"]
    assert {name.lower() for name in known.get("headers", {})} <= set(answer.headers)


async def test_answer_cut_short_ends_in_the_recorded_error() -> None:
    known = documented("errors.json")["200_but_truncated"]["error_part"]
    async with running(servicenow=ServiceNowSimulator()) as addresses, httpx2.AsyncClient(auth=("a", "b")) as api:
        await api.post(addresses["servicenow"] + "/_faults", json={"fault": "cut_short"})
        answer = await api.get(addresses["servicenow"] + TABLE)

    assert {"error": answer.json()["error"], "status": answer.json()["status"]} == known


async def test_rows_have_the_form_of_the_documented_row() -> None:
    row = documented("docs", "Table_GET_now_table_tableName.json")["result"][0]
    async with running(servicenow=ServiceNowSimulator()) as addresses, httpx2.AsyncClient(auth=("a", "b")) as api:
        ours = (await api.get(f"{addresses['servicenow']}{TABLE}?sysparm_limit=1")).json()["result"][0]

    shared = set(row) & set(ours)
    assert {"sys_id", "number", "sys_updated_on", "assignment_group", "opened_by", "state"} <= shared
    for name in shared:
        assert isinstance(ours[name], str) or set(ours[name]) == set(row["opened_by"])


async def test_event_log_is_read_whole_by_an_incremental_reader() -> None:
    path = shared_data("servicenow", "uci_incident_event_log", "sample_first_2000_rows.csv")
    records = list(incidents_from_event_log(path))
    busiest = max(Counter(record["sys_updated_on"] for record in records).values())
    seen: dict[str, str] = {}
    since = "1970-01-01 00:00:00"

    async with running(servicenow=ServiceNowSimulator(records)) as addresses:
        url = f"{addresses['servicenow']}{TABLE}?sysparm_limit={busiest + 1}&sysparm_fields=sys_id,sys_updated_on"
        reader = httpx2.AsyncClient(auth=("a", "b"))
        async with reader as api:
            while True:
                query = f"sys_updated_on>={since}^ORDERBYsys_updated_on^ORDERBYsys_id"
                page = (await api.get(f"{url}&sysparm_query={query}")).json()["result"]
                fresh = {row["sys_id"]: row["sys_updated_on"] for row in page if row["sys_id"] not in seen}
                if not fresh:
                    break
                seen |= fresh
                since = page[-1]["sys_updated_on"]

    assert seen == {record["sys_id"]: record["sys_updated_on"] for record in records}
    assert len(seen) == 2_000


async def test_webhook_receiver_takes_the_published_vector_and_nothing_else() -> None:
    vector = json.loads(shared_data("standard-webhooks", "vectors.json").read_text())["vectors"][0]
    headers = {name: vector[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    body = vector["raw_body"].encode()
    receiver = WebhookSimulator(secrets=[vector["secret"]], clock=lambda: float(vector["webhook-timestamp"]))

    async with running(webhook=receiver) as addresses, httpx2.AsyncClient() as api:
        taken = await api.post(addresses["webhook"], content=body, headers=headers)
        changed = await api.post(addresses["webhook"], content=body + b" ", headers=headers)

    assert base64.b64decode(vector["secret"].removeprefix("whsec_"))
    assert (taken.status_code, changed.status_code) == (200, 401)
