import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_simulators import TelegramSimulator
from tieline_simulators.telegram.formatting import EntityError, read_html, read_markdown_v2, units

from tests.unit.simulators.clock import SetClock

SEND = "/bot7000:test/sendMessage"
EDIT = "/bot7000:test/editMessageText"


async def test_sent_message_can_be_edited_once_to_new_text(
    telegram_api: httpx2.AsyncClient, telegram: TelegramSimulator, clock: SetClock
) -> None:
    sent = (await telegram_api.post(SEND, json={"chat_id": -100123, "text": "triggered"})).json()["result"]
    edit = {"chat_id": -100123, "message_id": sent["message_id"], "text": "resolved"}

    edited = (await telegram_api.post(EDIT, json=edit)).json()
    again = (await telegram_api.post(EDIT, json=edit)).json()

    assert edited["result"]["text"] == "resolved"
    assert edited["result"]["edit_date"] == int(clock())
    assert again["description"].startswith("Bad Request: message is not modified")
    assert len(telegram.messages) == 1


@pytest.mark.parametrize("carried", ["json", "data", "params"])
async def test_arguments_come_as_json_form_or_query(telegram_api: httpx2.AsyncClient, carried: str) -> None:
    arguments = {"chat_id": "42", "text": "hello"}

    answer = await telegram_api.request("POST", SEND, **{carried: arguments})  # type: ignore[arg-type]  # by name

    assert answer.json()["result"]["chat"] == {"id": 42, "type": "private", "first_name": "Mira"}


@pytest.mark.parametrize(
    ("message", "description"),
    [
        ({"text": "x"}, "chat_id is empty"),
        ({"chat_id": "not a chat", "text": "x"}, "chat not found"),
        ({"chat_id": 1}, "message text is empty"),
        ({"chat_id": 1, "text": "  "}, "message text is empty"),
        ({"chat_id": 1, "text": "x" * 4_097}, "message is too long"),
        ({"chat_id": 1, "text": "🔥" * 2_049}, "message is too long"),
        ({"chat_id": 1, "text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: "),
        ({"chat_id": 1, "text": "x.", "parse_mode": "MarkdownV2"}, "can't parse entities: Character '.' is reserved"),
        ({"chat_id": 1, "text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
    ],
)
async def test_bad_message_is_refused_with_telegrams_description(
    telegram_api: httpx2.AsyncClient, telegram: TelegramSimulator, message: dict[str, object], description: str
) -> None:
    answer = await telegram_api.post(SEND, json=message)

    assert (answer.status_code, answer.json()["error_code"]) == (400, 400)
    assert answer.json()["description"].startswith(f"Bad Request: {description}")
    assert list(telegram.received) == []


async def test_unknown_token_method_chat_and_blocked_chat_have_their_errors(
    telegram_api: httpx2.AsyncClient, telegram: TelegramSimulator
) -> None:
    telegram.configure({"tokens": ["7000:test"], "channels": ["1", "2"], "forbidden": ["2"]})

    answers = [
        await telegram_api.get("/bot7000:other/getMe"),
        await telegram_api.get("/bot7000:test/getWeather"),
        await telegram_api.post(SEND, json={"chat_id": 3, "text": "x"}),
        await telegram_api.post(SEND, json={"chat_id": 2, "text": "x"}),
    ]

    assert [(each.status_code, each.json()["description"]) for each in answers] == [
        (401, "Unauthorized"),
        (404, "Not Found"),
        (400, "Bad Request: chat not found"),
        (403, "Forbidden: bot was blocked by the user"),
    ]


async def test_rate_limit_tells_the_seconds_in_body_and_header(telegram_api: httpx2.AsyncClient) -> None:
    await telegram_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 7, "match": {"channel": "5"}})

    answer = await telegram_api.post(SEND, json={"chat_id": 5, "text": "x"})

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["parameters"] == {"retry_after": 7}


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("plain", "plain", []),
        ("a &lt; b &amp;&#33;", "a < b &!", []),
        ("🔥<b>x</b>", "🔥x", [{"type": "bold", "offset": 2, "length": 1}]),
        ("<b><i>x</i></b>", "x", [("italic", 0, 1), ("bold", 0, 1)]),
        (
            '<a href="https://e.com">y</a>',
            "y",
            [{"type": "text_link", "offset": 0, "length": 1, "url": "https://e.com"}],
        ),
        ("<b></b>x", "x", []),
    ],
)
def test_html_becomes_text_and_entities(html: str, text: str, entities: list[object]) -> None:
    expected = [
        {"type": each[0], "offset": each[1], "length": each[2]} if isinstance(each, tuple) else each
        for each in entities
    ]

    assert read_html(html) == (text, expected)


@pytest.mark.parametrize(
    "html", ["<b>x", "x</b>", "<b><i>x</b></i>", "<div>x</div>", "a < b", "<span>x</span>", "<!-- x -->"]
)
def test_html_that_telegram_refuses_is_an_error(html: str) -> None:
    with pytest.raises(EntityError):
        read_html(html)


@given(st.text(alphabet="ab<>&\"'🔥 \n"))
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert read_html(escaped) == (text, [])


@given(st.text(alphabet="ab.!-_*[]()~>#+=|{}\\` 🔥"))
def test_text_with_every_special_character_escaped_is_fine_in_markdown(text: str) -> None:
    escaped = "".join(f"\\{each}" if each in "_*[]()~`>#+-=|{}.!\\" else each for each in text)

    assert units(read_markdown_v2(escaped)) == units(text)
