"""`/api/webhooks/{source}` and `/api/webhooks/{source}/{integration_id}`: the hot path, bare ASGI.

Reads a bounded body, calls the handler, answers. Errors have surface C's shape. Everything else goes to the
application behind.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from time import perf_counter

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tieline.errors import RecordTooLargeError, TransientError
from tieline.observability.http import ROUTE
from tieline.observability.scrapes import look_before_scrapes

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
_name_of = lru_cache(maxsize=1_024)(partial(str, encoding="latin-1"))
"""Names of headers as text: senders use few."""

Receiver = Callable[[Webhook], Awaitable[Receipt]]
OnRefused = Callable[[Webhook, RefusedWebhookError], None]


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take webhooks, pass on the rest."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        scope[ROUTE] = "/api/webhooks/{source}"
        if method == "POST":
            await self._post(scope, receive, send)
        elif method in {"GET", "HEAD"}:
            await self._describe(scope, send)
        else:
            await _answer(send, 405, _error("Method not allowed", "METHOD_NOT_ALLOWED", 405), allow="GET, HEAD, POST")

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._in_hand >= self._max_in_hand:
            await self._refuse(send, OverloadedError(f"{self._in_hand} webhooks are in hand"), "", None)
            return
        self._in_hand += 1
        started = perf_counter()
        source, _, integration_id = scope["path"][len(PREFIX) :].rstrip("/").partition("/")
        webhook: Webhook | None = None
        try:
            headers = {_name_of(name): value.decode("latin-1") for name, value in scope["headers"]}
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
            await self._refuse(send, error, source, webhook)
        else:
            self._answers.count(source, "routed" if receipt.routed else "unrouted")
            await _answer(send, 200, _encode(_answer_of(receipt)))
        finally:
            self._in_hand -= 1
            self._answers.timed(perf_counter() - started)

    async def _refuse(self, send: Send, error: Exception, source: str, webhook: Webhook | None) -> None:
        known = source if source in SENDERS else "unknown"
        if isinstance(error, RefusedWebhookError):
            if webhook is not None:
                self._on_refused(webhook, error)
            self._answers.count(known, error.reason.reason)
            await _answer(send, 401, _NOT_VERIFIED)
        elif isinstance(error, UnknownHookError):
            self._answers.count(known, "unknown_hook")
            await _answer(send, 401, _NOT_VERIFIED)
        elif isinstance(error, UnknownSourceError):
            self._answers.count(known, "unknown_source")
            await _answer(send, 404, _error(f"No webhook source is called {source[:64]!r}", "SOURCE_NOT_FOUND", 404))
        elif isinstance(error, BodyTooLargeError):
            self._answers.count(known, "too_large")
            await _answer(send, 413, _error(f"The body may have {error.limit} bytes", "PAYLOAD_TOO_LARGE", 413))
        elif isinstance(error, RecordTooLargeError):
            self._answers.count(known, "too_large")
            await _answer(send, 413, _error(str(error), "PAYLOAD_TOO_LARGE", 413))
        elif isinstance(error, UnusableBodyError):
            self._answers.count(known, "unusable_body")
            await _answer(send, 400, _error(str(error), "INVALID_PAYLOAD", 400))
        elif isinstance(error, TransientError):
            self._answers.count(known, "unavailable")
            seconds = int((error.retry_after.total_seconds() if error.retry_after else 0) or 5)
            await _answer(
                send, 503, _error("Webhooks cannot be taken right now", "UNAVAILABLE", 503), retry_after=str(seconds)
            )
        else:
            log.error("a webhook failed", exc_info=error, extra={"source": known})
            self._answers.count(known, "failed")
            await _answer(send, 500, _error("Internal error", "INTERNAL_ERROR", 500))

    async def _describe(self, scope: Scope, send: Send) -> None:
        sender = SENDERS.get(scope["path"][len(PREFIX) :].rstrip("/").partition("/")[0])
        if sender is None:
            status, body = 404, _error("No webhook source of that name", "SOURCE_NOT_FOUND", 404)
        else:
            status, body = 200, _encode(_description(sender))
        await _answer(send, status, body, with_body=scope["method"] == "GET")


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
    message: Message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise BodyTooLargeError(limit)
        return body
    chunks, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _error(message: str, code: str, status: int) -> bytes:
    return _encode({"error": message, "code": code, "status": status})


_NOT_VERIFIED = _error("The webhook could not be verified", "WEBHOOK_NOT_VERIFIED", 401)
"""The same whether the workspace, the integration or the signature is wrong, so that nothing can be found out."""


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    *,
    retry_after: str | None = None,
    allow: str | None = None,
    with_body: bool = True,
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    if allow is not None:
        headers.append((b"allow", allow.encode()))
    with suppress(RuntimeError):  # what uvloop says when the sender has hung up
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if with_body else b""})
