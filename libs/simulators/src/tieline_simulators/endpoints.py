"""ASGI around one handler: read, perhaps fail, handle, record, perhaps lose the answer."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tieline_simulators.calls import Call, Handler, Refused, body_of
from tieline_simulators.connections import drop_connection
from tieline_simulators.faults import Fault
from tieline_simulators.received import ReceivedRequest

if TYPE_CHECKING:
    from tieline_simulators.stand_in import StandIn

BEFORE_HANDLING = frozenset({"status", "rate_limit", "hang", "reset", "bad_json"})


class Endpoint:
    """An ASGI application for a route of a stand-in."""

    def __init__(self, stand_in: "StandIn", handler: Handler) -> None:
        self._stand_in = stand_in
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        request = Request(scope, receive)
        try:
            raw = await body_of(request)
        except ClientDisconnect:
            return
        if raw is None:
            await self._stand_in.failure(413)(scope, receive, send)
            return
        call = Call(
            method=request.method,
            path=scope["path"],
            base_url=f"{scope['scheme']}://{request.headers.get('host', '')}",
            params=request.path_params,
            query=request.query_params,
            query_string=scope["query_string"].decode("latin-1"),
            headers=request.headers,
            raw=raw,
        )
        fault = self._stand_in.faults.take(method=call.method, path=call.path, channel=self._stand_in.channel_of(call))
        if fault and fault.kind in BEFORE_HANDLING:
            await self._fail(fault, scope, receive, send)
            return
        answer = self._limited(call) or self._handle(call)
        if fault and fault.kind == "slow":
            await _wait(receive, fault.seconds)
        if fault and fault.kind == "accept_then_reset":
            await drop_connection(scope, receive)
        elif fault and fault.kind == "truncate":
            await _send_half(answer, scope, receive, send)
        elif fault and fault.kind == "cut_short":
            await self._stand_in.cut_short(answer)(scope, receive, send)
        else:
            await answer(scope, receive, send)

    def _limited(self, call: Call) -> Response | None:
        """Return the vendor's refusal when the call is one too many."""
        limit = self._stand_in.limit
        if limit is None:
            return None
        allowance = limit.take(self._stand_in.channel_of(call) or "", self._stand_in.clock())
        return None if allowance.allowed else self._stand_in.rate_limited(round(allowance.reset_after, 3))

    def _handle(self, call: Call) -> Response:
        try:
            answer = self._handler(call)
        except Refused as refused:
            return refused.answer
        self._stand_in.received.add(
            ReceivedRequest(
                call.method, call.path, call.query_string, dict(call.headers), call.raw, self._stand_in.clock()
            )
        )
        return answer

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "status":
            await self._stand_in.failure(fault.status)(scope, receive, send)
        elif fault.kind == "rate_limit":
            await self._stand_in.rate_limited(fault.retry_after)(scope, receive, send)
        elif fault.kind == "bad_json":
            await Response(b'{"ok": tru', media_type="application/json")(scope, receive, send)
        else:
            if fault.kind == "hang":
                await _wait(receive, fault.seconds)
            await drop_connection(scope, receive)


async def _wait(receive: Receive, seconds: float) -> None:
    """Return after the time, or as soon as the client goes away (as it does when the server stops)."""
    with suppress(TimeoutError):
        await asyncio.wait_for(receive(), seconds)


async def _send_half(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Promise the whole answer, send half of it, and drop the connection."""
    body = bytes(answer.body)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await drop_connection(scope, receive, flush=True)
