"""What the router asks of a sender, and what senders that post JSON share."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Generic, Protocol, TypedDict

import msgspec

from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders.reading import Reader, ShapeT
from tieline_webhooks.domain.senders.signing import Secret

Headers = Mapping[str, str]
"""Request headers, names in lower case."""


class SignatureFacts(TypedDict):
    """How a request is signed, for the person who configures the sender."""

    headers: list[str]
    form: str
    algorithm: str
    encoding: str
    signed: str
    key: str


class Expectations(TypedDict):
    """What a GET on a hook address answers: everything needed to make the sender's next request pass."""

    sender: str
    content_type: str
    signature: SignatureFacts
    freshness: str
    deduplication: str
    configure: list[str]


class Sender(Protocol):
    """Somebody who posts webhooks. Stateless; one instance serves every workspace.

    Call `verify` before anything else: `normalise` and `immediate_answer` believe the body.
    """

    name: ClassVar[str]
    """The path segment of its hook address, and `source` of its events."""
    title: ClassVar[str]
    provider: ClassVar[str]
    """The integration type whose `webhookSecret` proves it."""
    expects: ClassVar[Expectations]

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if one of `secrets` signed exactly these bytes; raise a SignatureError otherwise."""
        ...

    def normalise(self, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event of a verified body, of an unknown kind too. Raises UnusableBodyError if it is no JSON."""
        ...

    def immediate_answer(self, body: bytes) -> dict[str, str] | None:
        """Return what a verified body must be answered with instead of being routed; None for nearly all."""
        ...


class JsonSender(Generic[ShapeT]):
    """A sender whose body is one JSON object of a known shape. Subclasses verify, and turn the shape into an event."""

    reader: Reader[ShapeT]

    def normalise(self, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event of a verified body. Raises UnusableBodyError."""
        shape, repaired = self.reader.read(body)
        event = self.event(shape, body, headers)
        return event if repaired is None else msgspec.structs.replace(event, repaired_body=repaired)

    def event(self, shape: ShapeT, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event that the body describes."""
        raise NotImplementedError

    def immediate_answer(self, body: bytes) -> dict[str, str] | None:
        """Return None: the sender expects no more than a 200."""
        del body
        return None
