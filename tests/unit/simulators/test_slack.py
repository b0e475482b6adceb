import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_simulators import SlackSimulator
from tieline_simulators.slack.blocks import block_errors

POST = "/api/chat.postMessage"
ALERTS = "C0ALERTS01"


async def post(api: httpx2.AsyncClient, **message: object) -> dict[str, object]:
    answer: dict[str, object] = (await api.post(POST, json={"channel": ALERTS, **message})).json()
    return answer


async def test_posted_message_is_recorded_with_headers_and_parsed_body(slack_api: httpx2.AsyncClient) -> None:
    await post(slack_api, text="disk full")

    received = (await slack_api.get("/_received")).json()

    assert [(each["method"], each["path"], each["body"]) for each in received] == [
        ("POST", POST, {"channel": ALERTS, "text": "disk full"})
    ]
    assert received[0]["headers"]["authorization"] == "Bearer xoxb-test"


async def test_every_message_gets_its_own_ts_in_the_same_instant(slack_api: httpx2.AsyncClient) -> None:
    first = await post(slack_api, text="one")
    second = await post(slack_api, text="two")

    assert str(first["ts"]) < str(second["ts"])


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "x", "channel": None}, "channel_not_found"),
        ({"text": "x", "channel": "not a channel!"}, "channel_not_found"),
        ({"text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "metadata": {"event_type": "incident"}}, "invalid_metadata_format"),
        ({"text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
    ],
)
async def test_bad_message_is_refused_as_slack_does_and_not_recorded(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator, message: dict[str, object], error: str
) -> None:
    answer = await slack_api.post(POST, json={"channel": ALERTS, **message})

    assert answer.status_code == 200
    assert (answer.json()["ok"], answer.json()["error"]) == (False, error)
    assert list(slack.received) == []


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"Authorization": ""}, "not_authed"),
        ({"Authorization": "Basic eDp5"}, "invalid_auth"),
        ({"Authorization": "Bearer revoked"}, "invalid_auth"),
    ],
)
async def test_caller_without_a_known_token_is_refused(
    slack_api: httpx2.AsyncClient, slack: SlackSimulator, headers: dict[str, str], error: str
) -> None:
    slack.configure({"tokens": ["xoxb-test"]})

    answer = await slack_api.post("/api/auth.test", headers=headers)

    assert answer.json() == {"ok": False, "error": error}


@pytest.mark.parametrize(
    ("content", "content_type", "error"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"text=x", "text/csv", "invalid_post_type"),
    ],
)
async def test_body_that_slack_cannot_read_is_refused(
    slack_api: httpx2.AsyncClient, content: bytes, content_type: str, error: str
) -> None:
    answer = await slack_api.post(POST, content=content, headers={"Content-Type": content_type})

    assert answer.json()["error"] == error


async def test_form_with_blocks_as_json_is_accepted(slack_api: httpx2.AsyncClient) -> None:
    form = {"channel": ALERTS, "text": "x", "blocks": '[{"type":"divider"}]'}

    answer = (await slack_api.post(POST, data=form)).json()

    assert answer["message"]["blocks"] == [{"type": "divider"}]


async def test_only_configured_channels_exist(slack_api: httpx2.AsyncClient) -> None:
    await slack_api.post("/_config", json={"channels": [ALERTS]})

    known = await post(slack_api, text="x")
    unknown = await post(slack_api, text="x", channel="C0OTHER001")

    assert (known["ok"], unknown.get("error")) == (True, "channel_not_found")


async def test_channel_without_the_bot_refuses(slack_api: httpx2.AsyncClient, slack: SlackSimulator) -> None:
    slack.configure({"forbidden": [ALERTS]})

    assert (await post(slack_api, text="x"))["error"] == "not_in_channel"


async def test_long_text_is_cut_with_a_warning(slack_api: httpx2.AsyncClient, slack: SlackSimulator) -> None:
    answer = await post(slack_api, text="x" * 40_001)

    (message,) = slack.messages.values()
    assert len(str(message["text"])) == 40_000
    assert answer["response_metadata"]["warnings"] == ["message_truncated"]  # type: ignore[index]  # JSON


async def test_updated_message_shows_the_new_text_in_history(slack_api: httpx2.AsyncClient) -> None:
    ts = (await post(slack_api, text="triggered"))["ts"]
    await post(slack_api, text="another")

    updated = await slack_api.post("/api/chat.update", json={"channel": ALERTS, "ts": ts, "text": "resolved"})

    history = (await slack_api.get("/api/conversations.history", params={"channel": ALERTS})).json()
    assert updated.json()["text"] == "resolved"
    assert [each["text"] for each in history["messages"]] == ["another", "resolved"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ts": "1.000001", "text": "x"}, "message_not_found"),
        ({"text": "x" * 4_001}, "msg_too_long"),
        ({}, "no_text"),
    ],
)
async def test_update_that_slack_would_not_make_is_refused(
    slack_api: httpx2.AsyncClient, change: dict[str, object], error: str
) -> None:
    ts = (await post(slack_api, text="triggered"))["ts"]

    answer = await slack_api.post("/api/chat.update", json={"channel": ALERTS, "ts": ts, **change})

    assert answer.json() == {"ok": False, "error": error}


async def test_history_gives_metadata_only_when_asked(slack_api: httpx2.AsyncClient) -> None:
    metadata = {"event_type": "incident", "event_payload": {"id": "42"}}
    await post(slack_api, text="x", metadata=metadata)

    plain = (await slack_api.get(f"/api/conversations.history?channel={ALERTS}")).json()
    asked = await slack_api.get(f"/api/conversations.history?channel={ALERTS}&include_all_metadata=true")

    assert "metadata" not in plain["messages"][0]
    assert asked.json()["messages"][0]["metadata"] == metadata


async def test_history_pages_lead_through_every_message_once(slack_api: httpx2.AsyncClient) -> None:
    for number in range(5):
        await post(slack_api, text=str(number))

    texts: list[str] = []
    cursor = ""
    while True:
        page = (
            await slack_api.get(
                "/api/conversations.history", params={"channel": ALERTS, "limit": "2", "cursor": cursor}
            )
        ).json()
        texts += [each["text"] for each in page["messages"]]
        cursor = page.get("response_metadata", {}).get("next_cursor", "")
        if not cursor:
            break

    assert texts == ["4", "3", "2", "1", "0"]


async def test_rate_limit_has_whole_seconds_and_slacks_body(slack_api: httpx2.AsyncClient) -> None:
    await slack_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 1.2, "match": {"channel": ALERTS}})

    limited = await slack_api.post(POST, json={"channel": ALERTS, "text": "x"})
    after = await post(slack_api, text="x")

    assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")
    assert limited.json() == {"ok": False, "error": "ratelimited"}
    assert after["ok"] is True


async def test_method_that_does_not_exist_is_unknown(slack_api: httpx2.AsyncClient) -> None:
    answer = await slack_api.post("/api/chat.shout", json={})

    assert answer.json() == {"ok": False, "error": "unknown_method"}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "banner"},
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        {"type": "section"},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2_001}]},
        {"type": "context", "elements": []},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}]},
        {"type": "image", "image_url": "https://example.com/x.png"},
        {"type": "divider", "block_id": "x" * 256},
        "divider",
    ],
)
def test_block_over_a_documented_limit_is_an_error_at_its_place(block: object) -> None:
    errors = block_errors([{"type": "divider"}, block])

    assert errors
    assert all("json-pointer:/blocks/1" in error for error in errors)


@given(st.text(min_size=1, max_size=3_000), st.text(min_size=1, max_size=150))
def test_blocks_within_the_limits_are_fine(text: str, title: str) -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": title}},
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": title}]},
    ]

    assert block_errors(blocks) == []
