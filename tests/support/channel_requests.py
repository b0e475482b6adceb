"""Holds what was sent to channels' stand-ins against what the platforms publish. Needs the optional data."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import yaml
from tieline_simulators import ReceivedRequest

from tests.contract.simulators.schemas import errors_against
from tests.shared_data import SHARED_DATA, shared_data

SLACK, DISCORD, TELEGRAM = "slack-web-openapi-v2.json.gz", "discord-openapi.json.gz", "telegram-bot-api.json.gz"
WHATSAPP = "whatsapp-business-messaging-v23.0.yaml.gz"
YOUNGER = {
    "chat.postMessage": {"metadata"},
    "chat.update": {"metadata"},
    "conversations.history": {"include_all_metadata"},
}
"""Arguments of Slack's methods that are documented and younger than the published description."""

_PYTHON = {"Integer": int, "String": str, "Boolean": bool}


def published_here() -> bool:
    """Tell whether the platforms' descriptions lie beside the project."""
    return all((SHARED_DATA / "specs" / name).exists() for name in (SLACK, DISCORD, TELEGRAM, WHATSAPP))


def objections(platform: str, requests: Iterable[ReceivedRequest]) -> list[str]:
    """Return what a platform's description says against the requests; services of one's own have none."""
    check = {"slack": _slack, "discord": _discord, "telegram": _telegram, "whatsapp": _whatsapp}.get(platform)
    if check is None:
        return []
    return [f"{each.method} {each.path}: {wrong}" for each in requests for wrong in check(each)]


def _slack(request: ReceivedRequest) -> Iterator[str]:
    method = request.path.rpartition("/")[2]
    [operation] = _document(SLACK)["paths"][f"/{method}"].values()
    parameters = {each["name"]: each for each in operation["parameters"] if each["name"] != "token"}
    given = _arguments(request)
    yield from (f"{name} is not an argument" for name in given.keys() - parameters.keys() - YOUNGER.get(method, set()))
    yield from (f"{name} is missing" for name, each in parameters.items() if each.get("required") and name not in given)
    if not request.headers.get("authorization", "").startswith("Bearer "):
        yield "there is no token"


def _discord(request: ReceivedRequest) -> Iterator[str]:
    schemas = {"POST": "MessageCreateRequest", "PATCH": "MessageEditRequestPartial"}
    if request.method in schemas:
        yield from errors_against(DISCORD, f"/components/schemas/{schemas[request.method]}", request.body)
    else:
        listing = _document(DISCORD)["paths"]["/channels/{channel_id}/messages"]["get"]["parameters"]
        yield from (
            f"{name} is not a parameter" for name in _arguments(request).keys() - {each["name"] for each in listing}
        )
    if not request.headers.get("authorization", "").startswith("Bot "):
        yield "there is no token"


def _telegram(request: ReceivedRequest) -> Iterator[str]:
    method = request.path.rpartition("/")[2]
    yield from _fields(_arguments(request), _document(TELEGRAM)["methods"][method]["fields"])


def _fields(given: Mapping[str, Any], fields: list[dict[str, Any]]) -> Iterator[str]:
    known = {each["name"]: each for each in fields}
    yield from (f"{name} is not a field" for name in given.keys() - known.keys())
    yield from (f"{name} is missing" for name, each in known.items() if each["required"] and name not in given)
    for name in given.keys() & known.keys():
        value, types = given[name], known[name]["types"]
        if isinstance(value, dict):
            nested = [_document(TELEGRAM)["types"][each] for each in types if each not in _PYTHON]
            yield from (f"{name}.{wrong}" for each in nested for wrong in _fields(value, each["fields"]))
        elif not any(type(value) is _PYTHON.get(each) for each in types):
            yield f"{name} is a {type(value).__name__}, not {types}"


def _whatsapp(request: ReceivedRequest) -> Iterator[str]:
    body = _arguments(request)
    # Both halves of a text message forbid what the other one requires, as published; each is held against its own.
    own = {name: body[name] for name in ("type", "text") if name in body}
    yield from errors_against(WHATSAPP, "/components/schemas/TextMessage/allOf/1", own)
    base = _document(WHATSAPP)["components"]["schemas"]["TextMessage"]["allOf"][0]["$ref"].removeprefix("#")
    yield from errors_against(WHATSAPP, base, body)


def _arguments(request: ReceivedRequest) -> dict[str, Any]:
    body = request.body
    return {**dict(parse_qsl(request.query)), **(body if isinstance(body, dict) else {})}


@cache
def _document(name: str) -> dict[str, Any]:
    text = gzip.decompress(shared_data("specs", name).read_bytes())
    found: dict[str, Any] = yaml.load(text, yaml.CSafeLoader) if ".yaml" in name else json.loads(text)
    return found
