"""Messages are what the vendors' published schemas allow."""

import gzip
import json
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.messages import with_destination

from tests.shared_data import shared_data
from tests.unit.webhooks.messages.events import an_event, rendered

EVENTS = [
    an_event(),
    an_event(state="resolved", status="resolved"),
    an_event(title="👩‍👩‍👧‍👦" * 2_000, detail="&<>*_" * 5_000),
    an_event(project="@everyone" * 500, link="https://example.com/?" + "&" * 2_000),
    NormalisedEvent(type="deploy.finished", source="/ci", subject="/ci", title="deploy finished", dedupe_key="k"),
]  # fmt: skip


DELIVERY = "5b1f7c0e-7b1c-5d5a-9c53-3f6d1d9a7e10"


@cache
def document(path: str) -> dict[str, Any]:
    """Return a vendor's API description."""
    raw = gzip.decompress(shared_data("specs", path).read_bytes())
    loaded: dict[str, Any] = yaml.load(raw, yaml.CSafeLoader) if ".yaml" in path else json.loads(raw)
    return loaded


def body_for(channel: Any, event: NormalisedEvent, channel_id: str) -> dict[str, Any]:
    return with_destination(
        channel, rendered(channel, event), channel_id, delivery_id="5b1f7c0e-7b1c-5d5a-9c53-3f6d1d9a7e10"
    )


def validate(document_: dict[str, Any], schema: str, body: dict[str, Any]) -> None:
    pointer = {"$ref": f"#/components/schemas/{schema}", "components": document_["components"]}
    jsonschema.Draft202012Validator(pointer).validate(body)


@pytest.mark.parametrize("event", EVENTS)
def test_discord_takes_our_messages(event: NormalisedEvent) -> None:
    validate(document("discord-openapi.json.gz"), "MessageCreateRequest", body_for("discord", event, "1122334455"))


@pytest.mark.parametrize("event", EVENTS)
def test_whatsapp_takes_our_messages(event: NormalisedEvent) -> None:
    description = document("whatsapp-business-messaging-v23.0.yaml.gz")
    body = body_for("whatsapp", event, "+4915112345678")

    base, own = description["components"]["schemas"]["TextMessage"]["allOf"]
    # Both halves forbid what the other one requires, as published; so each is held against its own members.
    jsonschema.validate({name: body[name] for name in ("type", "text")}, own, cls=jsonschema.Draft202012Validator)
    validate(description, base["$ref"].rpartition("/")[2], body)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
def test_telegram_knows_every_member_of_our_messages(event: NormalisedEvent, method: str) -> None:
    fields = {field["name"] for field in document("telegram-bot-api.json.gz")["methods"][method]["fields"]}

    assert set(body_for("telegram", event, "-1001")) <= fields


@pytest.mark.parametrize("event", EVENTS)
def test_slack_knows_every_member_of_our_messages(event: NormalisedEvent) -> None:
    parameters = document("slack-web-openapi-v2.json.gz")["paths"]["/chat.postMessage"]["post"]["parameters"]
    known = {parameter["name"] for parameter in parameters} | {"metadata"}  # younger than the description

    assert set(body_for("slack", event, "C0ALERTS")) <= known
