import httpx2
import pytest
from tieline_simulators import DiscordSimulator

from tests.unit.simulators.clock import SetClock

CHANNEL = "290000000000000001"
MESSAGES = f"/api/v10/channels/{CHANNEL}/messages"


async def post(api: httpx2.AsyncClient, **message: object) -> httpx2.Response:
    return await api.post(MESSAGES, json=message)


async def test_posted_message_can_be_read_back_newest_first(discord_api: httpx2.AsyncClient) -> None:
    await post(discord_api, content="one")
    await post(discord_api, embeds=[{"title": "two"}])

    listed = (await discord_api.get(MESSAGES)).json()

    assert [(each["content"], [embed["title"] for embed in each["embeds"]]) for each in listed] == [
        ("", ["two"]),
        ("one", []),
    ]


async def test_same_enforced_nonce_makes_one_message(
    discord_api: httpx2.AsyncClient, discord: DiscordSimulator
) -> None:
    first = await post(discord_api, content="x", nonce="d-1", enforce_nonce=True)
    again = await post(discord_api, content="x", nonce="d-1", enforce_nonce=True)

    assert again.json()["id"] == first.json()["id"]
    assert len(discord.messages) == 1


async def test_nonce_is_forgotten_after_some_minutes_and_free_when_not_enforced(
    discord_api: httpx2.AsyncClient, discord: DiscordSimulator, clock: SetClock
) -> None:
    await post(discord_api, content="x", nonce="d-1", enforce_nonce=True)
    await post(discord_api, content="x", nonce="d-1")
    clock.advance(600)
    await post(discord_api, content="x", nonce="d-1", enforce_nonce=True)

    assert len(discord.messages) == 3


@pytest.mark.parametrize(
    ("message", "path", "code"),
    [
        ({"content": "x" * 2_001}, "content", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"description": "x" * 4_097}]}, "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"description": "x" * 4_000}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
        ({"embeds": [{"fields": [{"name": "x"}]}]}, "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
        ({"embeds": [{"footer": {"text": "x" * 2_049}}]}, "embeds.0.footer.text", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"color": 0x1000000}]}, "embeds.0.color", "NUMBER_TYPE_MAX"),
        ({"content": "x", "nonce": "n" * 26}, "nonce", "NONCE_TYPE_TOO_LONG"),
        ({"content": 7}, "content", "STRING_TYPE_CONVERT"),
    ],
)
async def test_message_over_a_limit_is_refused_with_discords_nested_errors(
    discord_api: httpx2.AsyncClient, discord: DiscordSimulator, message: dict[str, object], path: str, code: str
) -> None:
    answer = await post(discord_api, **message)

    level = answer.json()["errors"]
    for token in path.split("."):
        level = level[token]
    assert (answer.status_code, answer.json()["code"]) == (400, 50035)
    assert level["_errors"][0]["code"] == code
    assert list(discord.received) == []


async def test_empty_message_is_refused(discord_api: httpx2.AsyncClient) -> None:
    answer = await post(discord_api, content="")

    assert (answer.status_code, answer.json()["code"]) == (400, 50006)


async def test_unknown_token_channel_and_message_have_discords_codes(
    discord_api: httpx2.AsyncClient, discord: DiscordSimulator
) -> None:
    discord.configure({"tokens": ["test"], "channels": [CHANNEL, "3"], "forbidden": ["3"]})

    stranger = await discord_api.get(MESSAGES, headers={"Authorization": "Bot other"})
    no_bot = await discord_api.get(MESSAGES, headers={"Authorization": "Bearer test"})
    elsewhere = await discord_api.get("/api/v10/channels/4/messages")
    forbidden = await discord_api.get("/api/v10/channels/3/messages")
    gone = await discord_api.patch(f"{MESSAGES}/5", json={"content": "x"})

    assert [(each.status_code, each.json()["code"]) for each in (stranger, no_bot, elsewhere, forbidden, gone)] == [
        (401, 0),
        (401, 0),
        (404, 10003),
        (403, 50001),
        (404, 10008),
    ]


async def test_edit_replaces_what_it_names_and_marks_the_message(discord_api: httpx2.AsyncClient) -> None:
    message = (await post(discord_api, content="triggered", embeds=[{"title": "t"}])).json()

    edited = (await discord_api.patch(f"{MESSAGES}/{message['id']}", json={"content": "resolved"})).json()

    assert (edited["content"], edited["embeds"][0]["title"]) == ("resolved", "t")
    assert message["edited_timestamp"] is None
    assert edited["edited_timestamp"]


async def test_pages_before_and_after_lead_through_every_message(discord_api: httpx2.AsyncClient) -> None:
    ids = [(await post(discord_api, content=str(number))).json()["id"] for number in range(5)]

    newest = (await discord_api.get(MESSAGES, params={"limit": 2})).json()
    older = (await discord_api.get(MESSAGES, params={"limit": 2, "before": newest[-1]["id"]})).json()
    after = (await discord_api.get(MESSAGES, params={"limit": 2, "after": ids[0]})).json()

    assert [each["id"] for each in newest] == [ids[4], ids[3]]
    assert [each["id"] for each in older] == [ids[2], ids[1]]
    assert [each["id"] for each in after] == [ids[2], ids[1]]


async def test_enforced_rate_limit_refuses_the_sixth_post_until_the_window_ends(
    discord_api: httpx2.AsyncClient, discord: DiscordSimulator, clock: SetClock
) -> None:
    discord.configure({"limit": {"requests": 5, "seconds": 5}})

    answers = [await post(discord_api, content="x") for _ in range(6)]
    clock.advance(5)
    later = await post(discord_api, content="x")

    limited = answers[5]
    assert [each.headers["x-ratelimit-remaining"] for each in answers[:5]] == ["4", "3", "2", "1", "0"]
    assert (limited.status_code, limited.json()["retry_after"], limited.headers["retry-after"]) == (429, 5.0, "5")
    assert limited.json()["global"] is False
    assert later.status_code == 200
