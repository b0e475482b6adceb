import httpx2
import pytest
from tieline_simulators import WhatsAppSimulator

SEND = "/v23.0/106540352242922/messages"
TEXT: dict[str, object] = {
    "messaging_product": "whatsapp",
    "to": "+1 (555) 010-9999",
    "type": "text",
    "text": {"body": "hi"},
}


async def test_text_and_template_messages_are_accepted_with_ids_of_their_own(
    whatsapp_api: httpx2.AsyncClient, whatsapp: WhatsAppSimulator
) -> None:
    template = {"name": "incident_triggered", "language": {"code": "en"}}

    text = (await whatsapp_api.post(SEND, json=TEXT)).json()
    templated = (await whatsapp_api.post(SEND, json={**TEXT, "type": "template", "template": template})).json()

    assert text["contacts"] == [{"input": "+1 (555) 010-9999", "wa_id": "15550109999"}]
    assert text["messages"][0]["id"].startswith("wamid.")
    assert list(whatsapp.messages) == [text["messages"][0]["id"], templated["messages"][0]["id"]]


@pytest.mark.parametrize(
    "change",
    [
        {"messaging_product": None},
        {"to": None},
        {"to": "somebody"},
        {"type": "smoke"},
        {"text": None},
        {"text": {"body": ""}},
        {"text": {"body": "x" * 4_097}},
        {"type": "template", "template": {"name": "x"}},
        {"type": "template", "template": {"language": {"code": "en"}}},
    ],
)
async def test_invalid_message_is_refused_with_code_100_and_details(
    whatsapp_api: httpx2.AsyncClient, whatsapp: WhatsAppSimulator, change: dict[str, object]
) -> None:
    answer = await whatsapp_api.post(SEND, json={**TEXT, **change})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (400, 100, "OAuthException")
    assert error["error_data"]["details"]
    assert list(whatsapp.received) == []


async def test_unknown_token_number_and_recipient_have_their_codes(
    whatsapp_api: httpx2.AsyncClient, whatsapp: WhatsAppSimulator
) -> None:
    whatsapp.configure({"tokens": ["test"], "phone_numbers": ["106540352242922"], "channels": ["+15550100000"]})

    stranger = await whatsapp_api.post(SEND, json=TEXT, headers={"Authorization": "Bearer other"})
    number = await whatsapp_api.post("/v23.0/999/messages", json=TEXT)
    recipient = await whatsapp_api.post(SEND, json=TEXT)

    assert [(each.status_code, each.json()["error"]["code"]) for each in (stranger, number, recipient)] == [
        (401, 190),
        (400, 100),
        (400, 131030),
    ]


async def test_rate_limit_is_code_130429_without_a_time(whatsapp_api: httpx2.AsyncClient) -> None:
    await whatsapp_api.post("/_faults", json={"fault": "rate_limit"})

    answer = await whatsapp_api.post(SEND, json=TEXT)

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, 130429)
    assert "retry-after" not in answer.headers
