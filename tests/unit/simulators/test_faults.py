import asyncio
import time

import httpx2
import pytest
from tieline_simulators import Fault, SlackSimulator, Target, running
from tieline_simulators.calls import Call
from tieline_simulators.received import ReceivedLog, ReceivedRequest

from tests.unit.simulators.clock import SetClock

POST = "/api/chat.postMessage"
MESSAGE = {"channel": "C0ALERTS01", "text": "x"}


async def post(api: httpx2.AsyncClient) -> httpx2.Response:
    return await api.post(POST, json=MESSAGE, timeout=5)


async def test_status_fault_hits_as_often_as_asked_and_nothing_is_recorded(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator
) -> None:
    await slack_api.post("/_faults", json={"fault": "status", "status": 502, "times": 2})

    statuses = [(await post(slack_api)).status_code for _ in range(3)]

    assert statuses == [502, 502, 200]
    assert len(slack.received) == 1


async def test_fault_without_a_count_hits_until_cleared(slack_api: httpx2.AsyncClient) -> None:
    await slack_api.post("/_faults", json={"fault": "status", "times": 0})

    during = [(await post(slack_api)).status_code for _ in range(3)]
    listed = (await slack_api.get("/_faults")).json()
    await slack_api.delete("/_faults")
    after = (await post(slack_api)).status_code

    assert during == [503, 503, 503]
    assert [each["hits"] for each in listed] == [3]
    assert after == 200


@pytest.mark.parametrize(
    ("target", "hit"),
    [
        (Target(), True),
        (Target(method="post", path=POST, channel="C0ALERTS01"), True),
        (Target(path="/api/chat.*"), True),
        (Target(method="GET"), False),
        (Target(path="/api/auth.test"), False),
        (Target(channel="C0OTHER001"), False),
    ],
)
async def test_fault_hits_only_the_calls_it_is_meant_for(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator, target: Target, hit: bool
) -> None:
    slack.faults.add(Fault(kind="status", target=target))

    answer = await post(slack_api)

    assert answer.status_code == (503 if hit else 200)


async def test_reset_drops_the_connection_before_the_message_is_accepted(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator
) -> None:
    slack.faults.add(Fault(kind="reset"))

    with pytest.raises(httpx2.ReadError):
        await post(slack_api)

    assert list(slack.received) == []


async def test_lost_answer_drops_the_connection_after_the_message_was_accepted(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator
) -> None:
    slack.faults.add(Fault(kind="accept_then_reset"))

    with pytest.raises(httpx2.ReadError):
        await post(slack_api)

    assert len(slack.received) == len(slack.messages) == 1


async def test_truncated_answer_ends_before_its_promised_length(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator
) -> None:
    slack.faults.add(Fault(kind="truncate"))

    with pytest.raises(httpx2.RemoteProtocolError):
        await post(slack_api)

    assert len(slack.received) == 1


async def test_bad_json_looks_like_success_but_cannot_be_read(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator
) -> None:
    slack.faults.add(Fault(kind="bad_json"))

    answer = await post(slack_api)

    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    assert list(slack.received) == []


async def test_slow_answer_comes_after_the_time_asked_for(slack_api: httpx2.AsyncClient, slack: SlackSimulator) -> None:
    slack.faults.add(Fault(kind="slow", seconds=0.2))
    started = time.monotonic()

    answer = await post(slack_api)

    assert answer.json()["ok"] is True
    assert time.monotonic() - started >= 0.2


async def test_hanging_call_does_not_hold_up_other_calls_nor_the_end() -> None:
    hit = asyncio.Event()

    class Watched(SlackSimulator):
        def channel_of(self, call: Call) -> str | None:
            hit.set()
            return super().channel_of(call)

    slack = Watched()
    slack.faults.add(Fault(kind="hang", seconds=600))
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer x"}) as client:
        async with asyncio.timeout(5), running(slack=slack) as addresses:
            hanging = asyncio.create_task(client.post(addresses["slack"] + POST, json=MESSAGE, timeout=60))
            await asyncio.wait_for(hit.wait(), 5)

            other = await client.post(addresses["slack"] + POST, json=MESSAGE)

        assert other.json()["ok"] is True
        with pytest.raises(httpx2.TransportError):
            await hanging


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"fault": "explode"},
        {"fault": "status", "status": 99},
        {"fault": "slow", "seconds": -1},
        {"fault": "status", "match": {"colour": "red"}},
        {"fault": "status", "often": True},
    ],
)
async def test_fault_that_makes_no_sense_is_refused(slack_api: httpx2.AsyncClient, document: object) -> None:
    answer = await slack_api.post("/_faults", json=document)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_setting_that_a_stand_in_does_not_have_is_refused(slack_api: httpx2.AsyncClient) -> None:
    answer = await slack_api.post("/_config", json={"tokens": ["a"], "colour": "red"})

    assert answer.status_code == 400
    assert (await post(slack_api)).json()["ok"] is True


async def test_limit_is_kept_for_each_channel_and_ends_with_its_window(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator, clock: SetClock
) -> None:
    await slack_api.post("/_config", json={"limit": {"requests": 2, "seconds": 10}})

    answers = [await post(slack_api) for _ in range(3)]
    other = await slack_api.post(POST, json={**MESSAGE, "channel": "C0OTHER001"})
    clock.advance(10)
    later = await post(slack_api)

    assert [each.status_code for each in (*answers, other, later)] == [200, 200, 429, 200, 200]
    assert answers[2].headers["retry-after"] == "10"
    assert len(slack.received) == 4


@pytest.mark.parametrize("limit", [5, {"requests": 0, "seconds": 1}, {"requests": 1}, {"requests": 1, "seconds": "x"}])
async def test_limit_that_makes_no_sense_is_refused(slack_api: httpx2.AsyncClient, limit: object) -> None:
    assert (await slack_api.post("/_config", json={"limit": limit})).status_code == 400


async def test_messages_show_what_people_see(slack_api: httpx2.AsyncClient) -> None:
    ts = (await post(slack_api)).json()["ts"]
    await slack_api.post("/api/chat.update", json={"channel": MESSAGE["channel"], "ts": ts, "text": "resolved"})

    assert [each["text"] for each in (await slack_api.get("/_messages")).json()] == ["resolved"]


async def test_received_log_can_be_cleared(slack_api: httpx2.AsyncClient) -> None:
    await post(slack_api)

    await slack_api.delete("/_received")

    assert (await slack_api.get("/_received")).json() == []


def a_request(number: int, size: int = 1) -> ReceivedRequest:
    return ReceivedRequest("POST", f"/{number}", "", {}, b"x" * size, 0.0)


def test_received_log_keeps_the_newest_up_to_its_count_and_bytes() -> None:
    counted, weighed = ReceivedLog(max_requests=3), ReceivedLog(max_bytes=100)

    for number in range(5):
        counted.add(a_request(number))
        weighed.add(a_request(number, size=40))

    assert [each.path for each in counted] == ["/2", "/3", "/4"]
    assert [each.path for each in weighed] == ["/3", "/4"]


async def test_body_over_four_mebibytes_is_refused(slack_api: httpx2.AsyncClient) -> None:
    answer = await slack_api.post(POST, content=b"x" * (4 * 1024 * 1024 + 1))

    assert answer.status_code == 413
