import asyncio
from base64 import b64encode
from collections import Counter
from typing import Any

import httpx2
import pytest
from tieline_simulators import ServiceNowSimulator
from tieline_simulators.servicenow import generated_incidents

from tests.unit.simulators.clock import SetClock

TABLE = "/api/now/table/incident"
IN_ORDER = "ORDERBYsys_updated_on^ORDERBYsys_id"


async def every_page(api: httpx2.AsyncClient, url: str) -> list[httpx2.Response]:
    pages = [await api.get(url)]
    while following := pages[-1].links.get("next"):
        pages.append(await api.get(following["url"]))
    return pages


def result_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = answer.json()["result"]
    return rows


async def test_links_lead_through_every_incident_once(servicenow_api: httpx2.AsyncClient) -> None:
    pages = await every_page(servicenow_api, f"{TABLE}?sysparm_limit=100&sysparm_query={IN_ORDER}")

    ids = [row["sys_id"] for page in pages for row in result_of(page)]
    assert [len(result_of(page)) for page in pages] == [100, 100, 100, 20]
    assert len(set(ids)) == 320
    assert {page.headers["x-total-count"] for page in pages} == {"320"}


async def test_link_header_has_no_spaces_and_no_prev_on_the_first_page(servicenow_api: httpx2.AsyncClient) -> None:
    answer = await servicenow_api.get(f"{TABLE}?sysparm_limit=100&sysparm_fields=number")

    base = f"{servicenow_api.base_url}{TABLE}?sysparm_limit=100&sysparm_fields=number"
    assert answer.headers["link"] == (
        f'<{base}&sysparm_offset=0>;rel="first",'
        f'<{base}&sysparm_offset=100>;rel="next",'
        f'<{base}&sysparm_offset=300>;rel="last"'
    )


async def test_middle_and_last_page_link_back_and_the_last_has_no_next(servicenow_api: httpx2.AsyncClient) -> None:
    middle = await servicenow_api.get(f"{TABLE}?sysparm_limit=100&sysparm_offset=100")
    last = await servicenow_api.get(f"{TABLE}?sysparm_limit=100&sysparm_offset=300")

    assert set(middle.links) == {"first", "prev", "next", "last"}
    assert set(last.links) == {"first", "prev", "last"}


@pytest.mark.parametrize("query", ["", "?sysparm_limit=5&sysparm_suppress_pagination_header=true"])
async def test_single_page_or_suppressed_header_has_no_link(servicenow_api: httpx2.AsyncClient, query: str) -> None:
    answer = await servicenow_api.get(TABLE + query)

    assert "link" not in answer.headers


async def test_no_match_is_404_in_v1_and_an_empty_list_otherwise(servicenow_api: httpx2.AsyncClient) -> None:
    query = "?sysparm_query=number=INC0"

    v1 = await servicenow_api.get("/api/now/v1/table/incident" + query)
    v2 = await servicenow_api.get("/api/now/v2/table/incident" + query)
    latest = await servicenow_api.get(TABLE + query)

    assert (v1.status_code, v1.json()["error"]["message"]) == (404, "No Record found")
    assert (v2.status_code, v2.json()) == (200, {"result": []})
    assert (latest.status_code, latest.json()) == (200, {"result": []})


async def test_values_are_strings_and_references_have_links_unless_left_out(
    servicenow_api: httpx2.AsyncClient,
) -> None:
    linked = result_of(await servicenow_api.get(f"{TABLE}?sysparm_limit=1"))[0]
    bare = result_of(await servicenow_api.get(f"{TABLE}?sysparm_limit=1&sysparm_exclude_reference_link=true"))[0]

    group = linked["assignment_group"]
    assert group["link"] == f"{servicenow_api.base_url}/api/now/table/sys_user_group/{group['value']}"
    assert bare["assignment_group"] == group["value"]
    assert all(isinstance(value, str) for value in bare.values())
    assert len(bare["sys_id"]) == 32


async def test_display_values_are_text_in_the_users_own_time_zone(
    servicenow_api: httpx2.AsyncClient, servicenow: ServiceNowSimulator
) -> None:
    servicenow.configure({"utc_offset_minutes": 90})
    url = f"{TABLE}?number=INC0010001&sysparm_fields=opened_at,priority,assignment_group&sysparm_display_value="

    stored, shown, both = [result_of(await servicenow_api.get(url + kind))[0] for kind in ("false", "true", "all")]

    assert (stored["opened_at"], shown["opened_at"]) == ("2026-03-02 07:30:00", "2026-03-02 09:00:00")
    assert shown["priority"] == {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low"}.get(
        stored["priority"], "5 - Planning"
    )
    assert shown["assignment_group"]["display_value"] == "Service Desk"
    assert both["opened_at"] == {"display_value": shown["opened_at"], "value": stored["opened_at"]}
    assert set(both["assignment_group"]) == {"display_value", "value", "link"}


async def test_fields_can_be_chosen_dotted_and_unknown_ones_are_ignored(servicenow_api: httpx2.AsyncClient) -> None:
    url = f"{TABLE}?number=INC0010001&sysparm_fields=number,assignment_group.name,colour"

    assert result_of(await servicenow_api.get(url)) == [
        {"number": "INC0010001", "assignment_group.name": "Service Desk"}
    ]


async def test_plain_filters_count_only_without_a_query(servicenow_api: httpx2.AsyncClient) -> None:
    plain = result_of(await servicenow_api.get(f"{TABLE}?number=INC0010007&colour=red"))
    queried = result_of(await servicenow_api.get(f"{TABLE}?number=INC0010007&sysparm_query=number=INC0010008"))

    assert [row["number"] for row in plain + queried] == ["INC0010007", "INC0010008"]


async def test_one_record_is_found_by_sys_id(servicenow_api: httpx2.AsyncClient) -> None:
    sys_id = result_of(await servicenow_api.get(f"{TABLE}?number=INC0010007"))[0]["sys_id"]

    found = await servicenow_api.get(f"{TABLE}/{sys_id}")
    missing = await servicenow_api.get(f"{TABLE}/{'0' * 32}")

    assert found.json()["result"]["number"] == "INC0010007"
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{TABLE}?sysparm_offset=-1", 400),
        (f"{TABLE}?sysparm_limit=many", 400),
        ("/api/now/table/colours", 400),
        ("/api/now/stats/incident", 404),
    ],
)
async def test_bad_request_gets_the_error_envelope(servicenow_api: httpx2.AsyncClient, path: str, status: int) -> None:
    answer = await servicenow_api.get(path)

    assert answer.status_code == status
    assert set(answer.json()) == {"error", "status"}
    assert set(answer.json()["error"]) == {"message", "detail"}


async def test_only_known_users_and_tokens_are_let_in(
    servicenow_api: httpx2.AsyncClient, servicenow: ServiceNowSimulator
) -> None:
    servicenow.configure({"users": {"reader": "secret"}, "tokens": ["t1"]})

    servicenow_api.auth = None  # type: ignore[assignment]  # the setter takes None

    async def status(authorization: str) -> int:
        headers = {"Authorization": authorization}
        return (await servicenow_api.get(f"{TABLE}?sysparm_limit=1", headers=headers)).status_code

    assert await status(f"Basic {b64encode(b'reader:secret').decode()}") == 200
    assert await status(f"Basic {b64encode(b'reader:wrong').decode()}") == 401
    assert await status("Basic !") == 401
    assert await status("Bearer t1") == 200
    assert await status("Bearer t2") == 401


async def test_oauth_tokens_expire_and_are_refreshed(
    servicenow_api: httpx2.AsyncClient, servicenow: ServiceNowSimulator, clock: SetClock
) -> None:
    servicenow.configure({"oauth_clients": {"app": "hush"}, "users": {"reader": "secret"}, "oauth_seconds": 60})
    client = {"client_id": "app", "client_secret": "hush"}

    servicenow_api.auth = None  # type: ignore[assignment]  # the setter takes None

    async def token(**form: str) -> httpx2.Response:
        return await servicenow_api.post("/oauth_token.do", data={**client, **form})

    async def status(access_token: str) -> int:
        headers = {"Authorization": f"Bearer {access_token}"}
        return (await servicenow_api.get(f"{TABLE}?sysparm_limit=1", headers=headers)).status_code

    first = (await token(grant_type="password", username="reader", password="secret")).json()
    assert await status(first["access_token"]) == 200
    clock.advance(61)
    assert await status(first["access_token"]) == 401
    second = (await token(grant_type="refresh_token", refresh_token=first["refresh_token"])).json()
    assert await status(second["access_token"]) == 200
    third = (await token(grant_type="client_credentials")).json()
    assert await status(third["access_token"]) == 200

    assert (await token(grant_type="client_credentials", client_secret="wrong")).status_code == 401
    assert (await token(grant_type="password", username="reader", password="wrong")).status_code == 401
    assert (await token(grant_type="refresh_token", refresh_token=first["access_token"])).status_code == 401
    assert (await token(grant_type="magic")).status_code == 400


async def test_hidden_rows_shorten_pages_that_are_not_the_last(
    servicenow_api: httpx2.AsyncClient, servicenow: ServiceNowSimulator
) -> None:
    servicenow.configure({"acl_hides_every": 3})

    pages = await every_page(servicenow_api, f"{TABLE}?sysparm_limit=20&sysparm_query={IN_ORDER}")

    sizes = [len(result_of(page)) for page in pages]
    assert len(pages) == 16
    assert min(sizes[:-1]) < 20
    assert {page.headers["x-total-count"] for page in pages} == {"320"}


async def test_row_put_while_paging_moves_to_its_new_place(servicenow_api: httpx2.AsyncClient, clock: SetClock) -> None:
    change = {"number": "INC0010001", "state": "6", "assigned_to": "Lena Brandt"}

    answer = (await servicenow_api.post("/_rows", json={"rows": [change]})).json()

    newest = result_of(await servicenow_api.get(f"{TABLE}?sysparm_limit=1&sysparm_query=ORDERBYDESCsys_updated_on"))[0]
    total = (await servicenow_api.get(f"{TABLE}?sysparm_limit=1")).headers["x-total-count"]
    assert (newest["sys_id"], newest["number"], newest["state"]) == (answer["sys_ids"][0], "INC0010001", "6")
    assert newest["short_description"].startswith("VPN")
    assert total == "320"


async def test_rows_are_added_and_deleted(servicenow_api: httpx2.AsyncClient) -> None:
    new = {"number": "INC9", "short_description": "New here", "sys_updated_on": "2026-01-01 00:00:00"}
    sys_ids = (await servicenow_api.post("/_rows", json={"rows": [new]})).json()["sys_ids"]

    added = result_of(await servicenow_api.get(f"{TABLE}?number=INC9"))
    await servicenow_api.post("/_rows", json={"delete": sys_ids})
    deleted = result_of(await servicenow_api.get(f"{TABLE}?number=INC9"))

    assert [row["short_description"] for row in added] == ["New here"]
    assert deleted == []


async def test_answer_cut_short_is_a_200_with_half_the_rows_and_an_error(servicenow_api: httpx2.AsyncClient) -> None:
    await servicenow_api.post("/_faults", json={"fault": "cut_short"})

    answer = await servicenow_api.get(f"{TABLE}?sysparm_limit=10")

    assert (answer.status_code, len(result_of(answer))) == (200, 5)
    assert answer.json()["error"]["message"] == "Transaction cancelled: maximum execution time exceeded"


async def test_rate_limit_has_the_rules_headers(servicenow_api: httpx2.AsyncClient, clock: SetClock) -> None:
    await servicenow_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 30})

    answer = await servicenow_api.get(TABLE)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert answer.headers["x-ratelimit-reset"] == str(int(clock()) + 30)
    assert answer.json()["error"]["message"] == "Rate limit exceeded"


def test_made_up_incidents_are_always_the_same_and_share_seconds() -> None:
    first, again = list(generated_incidents(40)), list(generated_incidents(40))

    shared = Counter(incident["sys_updated_on"] for incident in first)
    assert first == again
    assert len({incident["sys_id"] for incident in first}) == 40
    assert max(shared.values()) == 4


async def test_concurrent_reads_are_all_answered(servicenow_api: httpx2.AsyncClient) -> None:
    urls = [f"{TABLE}?sysparm_limit=1&sysparm_offset={offset}" for offset in range(20)]

    answers = await asyncio.gather(*(servicenow_api.get(url) for url in urls))

    assert len({result_of(answer)[0]["sys_id"] for answer in answers}) == 20
