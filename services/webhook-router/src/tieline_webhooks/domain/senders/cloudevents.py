"""CloudEvents 1.0 over HTTP: what services emit, in structured, binary and batch mode.

Every attribute is checked. A batch is taken whole or refused whole, with the index of the first event that is wrong.
Data is kept as it came; it is read only for what people want to know of it.
"""

import re
from base64 import b64decode, b64encode
from typing import Literal, TypeVar, cast
from urllib.parse import unquote_to_bytes

import msgspec

from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders.base import Headers
from tieline_webhooks.domain.senders.ce_attributes import CORE, Attribute, check_core, check_name, check_value
from tieline_webhooks.domain.senders.errors import InvalidCloudEventError, UnusableBodyError
from tieline_webhooks.domain.senders.free_form import Facts
from tieline_webhooks.domain.senders.reading import instant

MAX_BATCH = 1_000

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
FAMILY = "application/cloudevents"

_quoted = re.compile(r'"((?:[^"\\]|\\.)*)"')
_escaped = re.compile(r"\\(.)")
_says_json = re.compile(r"[^/;\s]+/(?:[^;\s]+\+)?json\s*(?:;.*)?", re.IGNORECASE).fullmatch
_says_text = re.compile(r"(?:text/.+|[^/;\s]+/(?:[^;\s]+\+)?xml\s*(?:;.*)?)", re.IGNORECASE).fullmatch

Mode = Literal["structured", "binary", "batch"]
T = TypeVar("T")


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event that keeps the specification. `data` is JSON; what is neither JSON nor text is `data_base64`."""

    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    extensions: dict[str, Attribute] = {}
    data: bytes | None = None
    data_base64: str | None = None


def mode_of(headers: Headers) -> Mode:
    """Return how the request carries its events. Raises InvalidCloudEventError for another format, or for none."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == STRUCTURED:
        return "structured"
    if media_type == BATCH:
        return "batch"
    if media_type.startswith(FAMILY):
        raise InvalidCloudEventError(f"format {media_type[:100]} is not supported; send {STRUCTURED} or {BATCH}")
    if "ce-specversion" not in headers:
        raise InvalidCloudEventError(f"send content type {STRUCTURED} or {BATCH}, or ce- headers")
    return "binary"


def parse(body: bytes, headers: Headers, *, max_batch: int = MAX_BATCH) -> list[CloudEvent]:
    """Return the request's events, in order; an empty batch has none.

    Raises UnusableBodyError if the body is not the JSON that its content type promises, InvalidCloudEventError if an
    event breaks the specification or the batch holds more than `max_batch`.
    """
    mode = mode_of(headers)
    if mode == "binary":
        return [_binary(body, headers)]
    if mode == "structured":
        return [_structured(_decoded(body, dict[str, msgspec.Raw], "a JSON object"), None)]
    batch = _decoded(body, list[msgspec.Raw], "a JSON array")
    if len(batch) > max_batch:
        raise InvalidCloudEventError(f"a batch holds at most {max_batch} events, not {len(batch)}")
    return [_structured(_event_of_batch(raw, index), index) for index, raw in enumerate(batch)]


def normalise(event: CloudEvent) -> NormalisedEvent:
    """Return the event in Tieline's terms: its own type, and what its data says for people."""
    facts = Facts(_readable(event))
    project = event.extensions.get("project")
    words = f"{event.type} {event.subject or ''}".replace(".", " ").replace("_", " ").rstrip()
    return NormalisedEvent(
        type=event.type,
        source=event.source,
        subject=f"{event.source.rstrip('/')}/{event.subject}" if event.subject else event.source,
        title=facts.title or words,
        dedupe_key=f"{event.source}\0{event.id}",
        severity=facts.severity,
        level=facts.level,
        state=facts.state,
        status=facts.status,
        project=str(project) if project is not None else facts.project,
        project_id=facts.project_id,
        link=facts.link,
        detail=facts.detail,
        actor=facts.actor,
        occurred_at=instant(event.time.upper()) if event.time else None,
    )


def _readable(event: CloudEvent) -> object:
    try:
        return msgspec.json.decode(event.data) if event.data else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _decoded(body: bytes, shape: type[T], promised: str) -> T:
    try:
        body.decode()  # members that are kept raw are not checked by the decoder
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise UnusableBodyError(f"it is not {promised}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableBodyError("it is not JSON") from error


def _event_of_batch(raw: msgspec.Raw, index: int) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise InvalidCloudEventError("must be a JSON object", index=index) from error


def _structured(members: dict[str, msgspec.Raw], index: int | None) -> CloudEvent:
    data, encoded = members.pop("data", None), _value(members.pop("data_base64", None))
    attributes: dict[str, Attribute] = {}
    for name, raw in members.items():
        check_name(name, index)
        value = _value(raw)
        if value is not None:  # null means unset
            attributes[name] = check_value(name, value, index)
    if data is not None and encoded is not None:
        raise InvalidCloudEventError("data and data_base64 exclude each other", attribute="data", index=index)
    if encoded is not None and not _is_base64(encoded):
        raise InvalidCloudEventError("must be a base64 string", attribute="data_base64", index=index)
    return _event(attributes, index, bytes(data) if data is not None else None, cast("str | None", encoded))


def _value(raw: msgspec.Raw | None) -> object:
    try:
        return msgspec.json.decode(raw) if raw is not None else None
    except (msgspec.DecodeError, RecursionError):
        return ...  # no type that an attribute may have


def _is_base64(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        b64decode(value, validate=True)
    except ValueError:
        return False
    return True


def _binary(body: bytes, headers: Headers) -> CloudEvent:
    attributes: dict[str, Attribute] = {}
    for header, value in headers.items():
        if not header.startswith("ce-"):
            continue
        name = header[3:]
        check_name(name, None)
        if name == "datacontenttype":
            raise InvalidCloudEventError("is carried by the Content-Type header in binary mode", attribute=name)
        attributes[name] = check_value(name, _unescaped(name, value), None)
    content_type = headers.get("content-type")
    if content_type:
        attributes["datacontenttype"] = check_value("datacontenttype", content_type, None)
    return _event(attributes, None, *_content(body, content_type))


def _unescaped(name: str, value: str) -> str:
    """Return a header's value without quotes, percent-decoded once, as the HTTP binding asks."""
    plain = _quoted.sub(lambda found: _escaped.sub(r"\1", found[1]), value)
    try:
        return unquote_to_bytes(plain.encode("ascii")).decode()
    except UnicodeError as error:
        raise InvalidCloudEventError("is not percent-encoded UTF-8", attribute=name) from error


def _content(body: bytes, content_type: str | None) -> tuple[bytes | None, str | None]:
    """Return the body as JSON, or as base64 where it is neither JSON nor text."""
    if not body:
        return None, None
    if content_type is None or _says_json(content_type):
        try:
            body.decode()
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if content_type is not None:
                raise UnusableBodyError("it is not the JSON that its content type promises") from error
        else:
            return body, None
    elif _says_text(content_type):
        try:
            return msgspec.json.encode(body.decode()), None
        except UnicodeDecodeError:
            pass  # another charset
    return None, b64encode(body).decode()


def _event(
    attributes: dict[str, Attribute], index: int | None, data: bytes | None, data_base64: str | None
) -> CloudEvent:
    check_core(attributes, index)
    core = {name: str(attributes[name]) for name in CORE & attributes.keys() if name != "specversion"}
    extensions = {name: value for name, value in attributes.items() if name not in CORE}
    return CloudEvent(**core, extensions=extensions, data=data, data_base64=data_base64)
