"""`/api/webhooks/{source}` and `/api/webhooks/{source}/{integration_id}`: the hot path, bare ASGI.

Reads a bounded body, calls the handler, answers. Errors have surface C's shape. Everything else goes to the
application behind.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from tieline.errors import RecordTooLargeError, TransientError
from tieline.observability.http import ROUTE
from tieline.observability.scrapes import look_before_scrapes
from tieline.service.connections import Headers, answer_json, whole_body

from tieline_webhooks.domain.errors import BodyTooLargeError, OverloadedError, UnknownHookError, UnknownSourceError
from tieline_webhooks.domain.quarantine import Webhook
from tieline_webhooks.domain.senders import SENDERS, Sender
from tieline_webhooks.domain.senders.errors import UnusableBodyError
from tieline_webhooks.entrypoints.intake_metrics import Answers
from tieline_webhooks.handlers.receive import Receipt, RefusedWebhookError

PREFIX = "/api/webhooks/"
ORG_HEADER = "x-org-id"

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode

Receiver = Callable[[Webhook], Awaitable[Receipt]]
OnRefused = Callable[[Webhook, RefusedWebhookError], None]


class _Headers(Mapping[str, str]):
    """A request's headers by name. What is not asked for is not decoded: a sender gives many, of which two count."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = dict(raw)

    def __getitem__(self, name: str) -> str:
        return self._raw[name.encode("latin-1")].decode("latin-1")

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header; `default` when it is missing."""
        value = self._raw.get(name.encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._raw)

    def __len__(self) -> int:
        return len(self._raw)


class Intake:
    """ASGI application in front of the rest."""

    def __init__(
        self, app: ASGIApp, *, receive: Receiver, on_refused: OnRefused, max_body_bytes: int, max_in_hand: int
    ) -> None:
        self._app = app
        self._receive = receive
        self._on_refused = on_refused
        self._max_body_bytes = max_body_bytes
        self._max_in_hand = max_in_hand
        self._in_hand = 0
        self._answers = Answers()
        look_before_scrapes(self._answers.look)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Take webhooks, pass on the rest."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            return self._app(scope, receive, send)
        method = scope["method"]
        scope[ROUTE] = "/api/webhooks/{source}"
        if method == "POST":
            return self._post(scope, receive, send)
        if method in {"GET", "HEAD"}:
            return self._describe(scope, send)
        return answer_json(scope, send, 405, _NOT_ALLOWED, [(b"allow", b"GET, HEAD, POST")])

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._in_hand >= self._max_in_hand:
            await self._refuse(scope, send, OverloadedError(f"{self._in_hand} webhooks are in hand"), "", None)
            return
        self._in_hand += 1
        started = perf_counter()
        source, _, integration_id = scope["path"][len(PREFIX) :].rstrip("/").partition("/")
        webhook: Webhook | None = None
        try:
            headers = _Headers(scope["headers"])
            body = whole_body(receive)
            if body is None or len(body) > self._max_body_bytes:
                body = await _body(receive, headers, self._max_body_bytes)
            if body is None:
                return
            webhook = Webhook(
                source=source,
                workspace=headers.get(ORG_HEADER) or None,
                integration_id=integration_id or None,
                headers=headers,
                body=body,
            )
            receipt = await self._receive(webhook)
        except Exception as error:  # noqa: BLE001 - the outermost loop of a request
            await self._refuse(scope, send, error, source, webhook)
        else:
            self._answers.count(source, "routed" if receipt.routed else "unrouted")
            await answer_json(scope, send, 200, _encode(_answer_of(receipt)))
        finally:
            self._in_hand -= 1
            self._answers.timed(perf_counter() - started)

    async def _refuse(self, scope: Scope, send: Send, error: Exception, source: str, webhook: Webhook | None) -> None:
        known = source if source in SENDERS else "unknown"
        if isinstance(error, RefusedWebhookError) and webhook is not None:
            self._on_refused(msgspec.structs.replace(webhook, headers=dict(webhook.headers)), error)
        refusal = _refusal_of(error, source)
        if refusal.outcome == "failed":
            log.error("a webhook failed", exc_info=error, extra={"source": known})
        self._answers.count(known, refusal.outcome)
        await answer_json(scope, send, refusal.status, refusal.body, refusal.more)

    async def _describe(self, scope: Scope, send: Send) -> None:
        sender = SENDERS.get(scope["path"][len(PREFIX) :].rstrip("/").partition("/")[0])
        if sender is None:
            status, body = 404, _error("No webhook source of that name", "SOURCE_NOT_FOUND", 404)
        else:
            status, body = 200, _encode(_description(sender))
        await answer_json(scope, send, status, body)


def _description(sender: Sender) -> Mapping[str, object]:
    return {"source": sender.name, "method": "POST", **sender.expects}


def _answer_of(receipt: Receipt) -> Mapping[str, object]:
    if receipt.immediate is not None:
        return receipt.immediate
    return {"received": True, "routed": receipt.routed, "agentId": receipt.agent_id}


async def _body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes | None:
    """Return the whole body; None when the client went away. Raises BodyTooLargeError, early if it is announced."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLargeError(limit)
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _error(message: str, code: str, status: int) -> bytes:
    return _encode({"error": message, "code": code, "status": status})


_NOT_ALLOWED = _error("Method not allowed", "METHOD_NOT_ALLOWED", 405)

_NOT_VERIFIED = _error("The webhook could not be verified", "WEBHOOK_NOT_VERIFIED", 401)
"""The same whether the workspace, the integration or the signature is wrong, so that nothing can be found out."""


class _Refusal(NamedTuple):
    """How an error is answered, and what the metrics call it."""

    outcome: str
    status: int
    body: bytes
    more: Headers = ()


def _refusal_of(error: Exception, source: str) -> _Refusal:
    match error:
        case RefusedWebhookError():
            return _Refusal(error.reason.reason, 401, _NOT_VERIFIED)
        case UnknownHookError():
            return _Refusal("unknown_hook", 401, _NOT_VERIFIED)
        case UnknownSourceError():
            unknown = f"No webhook source is called {source[:64]!r}"
            return _Refusal("unknown_source", 404, _error(unknown, "SOURCE_NOT_FOUND", 404))
        case BodyTooLargeError():
            too_large = f"The body may have {error.limit} bytes"
            return _Refusal("too_large", 413, _error(too_large, "PAYLOAD_TOO_LARGE", 413))
        case RecordTooLargeError():
            return _Refusal("too_large", 413, _error(str(error), "PAYLOAD_TOO_LARGE", 413))
        case UnusableBodyError():
            return _Refusal("unusable_body", 400, _error(str(error), "INVALID_PAYLOAD", 400))
        case TransientError():
            seconds = int((error.retry_after.total_seconds() if error.retry_after else 0) or 5)
            later = _error("Webhooks cannot be taken right now", "UNAVAILABLE", 503)
            return _Refusal("unavailable", 503, later, [(b"retry-after", b"%d" % seconds)])
        case _:
            return _Refusal("failed", 500, _error("Internal error", "INTERNAL_ERROR", 500))
