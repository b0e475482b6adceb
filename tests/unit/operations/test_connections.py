"""Answers in one piece, on the wire: what a client sees is what uvicorn would have written, whatever it does."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tieline.service.connections import Connection, answer_json, whole_body

from tests.support.http_server import serving
from tests.support.waiting import eventually

_SECONDS = 10.0


class App:
    """Answers with how much it was sent, and whether at once; at `/held` waits before, at `/gone` for the end."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked: list[str] = []
        self.answered: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.asked.append(path)
        whole = whole_body(receive)
        body = whole or b""
        more = whole is None
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if path.startswith("/held"):
            await self.go.wait()
        while path == "/gone" and (await receive())["type"] != "http.disconnect":
            pass
        said = {"path": path, "bytes": len(body), "whole": whole is not None}
        await answer_json(scope, send, 200, json.dumps(said).encode(), [(b"x-more", b"1")] if path == "/more" else ())
        self.answered.append(path)


class Looking:
    """Sees the messages of an application's answers, which uvicorn has to write then."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def look(message: Message) -> None:
            self.seen.append(message["type"])
            await send(message)

        await self._app(scope, receive, look)


class Client:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, head: str, body: bytes = b"", *, length: int | None = None) -> None:
        announced = len(body) if length is None else length
        self.writer.write(f"{head}\r\nhost: t\r\ncontent-length: {announced}\r\n\r\n".encode() + body)

    async def answer(self, *, body: bool = True) -> tuple[str, dict[str, str], bytes]:
        async with asyncio.timeout(_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            return first, headers, await self.reader.readexactly(int(headers["content-length"])) if body else b""

    async def ended(self) -> bool:
        async with asyncio.timeout(_SECONDS):
            return await self.reader.read() == b""


Connect = Callable[[], Awaitable[Client]]


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def connect(app: App) -> AsyncIterator[Connect]:
    async with _clients(app, Connection) as connect:
        yield connect


@asynccontextmanager
async def _clients(app: ASGIApp, http: type[asyncio.Protocol]) -> AsyncIterator[Connect]:
    writers: list[asyncio.StreamWriter] = []
    async with serving(app, http=http) as address:

        async def connect() -> Client:
            parts = urlsplit(address)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writers.append(writer)
            return Client(reader, writer)

        try:
            yield connect
        finally:
            for writer in writers:
                writer.close()


async def test_an_answer_is_byte_for_byte_what_uvicorn_writes(app: App) -> None:
    seen = []
    for each in (app, Looking(app)):
        async with _clients(each, Connection) as connect:
            client = await connect()
            client.send("POST /a HTTP/1.1\r\nconnection: close")
            kept = await connect()
            kept.send("GET /a HTTP/1.1")
            async with asyncio.timeout(_SECONDS):
                closed = await client.reader.read()
                head = await kept.reader.readuntil(b"\r\n\r\n")
                answer = head + await kept.reader.readuntil(b"}")
            seen.append([re.sub(rb'date: [^\r]*|"whole": \w+', b"", raw) for raw in (closed, answer)])

    assert seen[0] == seen[1]


async def test_it_comes_in_one_piece(connect: Connect) -> None:
    client = await connect()
    pieces = []
    for _ in range(20):
        client.send("POST /a HTTP/1.1", b"x" * 10)
        pieces.append(await client.reader.read(65_536))

    assert all(piece.endswith(b"}") for piece in pieces)
    assert len(pieces) == 20


@pytest.mark.parametrize("size", [0, 1, 4096, 65_536, 65_537, 1_000_000])
async def test_bodies_of_any_size_arrive(connect: Connect, size: int) -> None:
    client = await connect()
    for _ in range(3):
        client.send("POST /a HTTP/1.1", b"y" * size)
        _, _, body = await client.answer()
        assert json.loads(body)["bytes"] == size


async def test_a_body_in_pieces_is_put_together(connect: Connect, app: App) -> None:
    client = await connect()
    client.send("POST /a HTTP/1.1", b"first ", length=18)
    await eventually(lambda: app.asked == ["/a"])
    for piece in (b"second", b" third"):
        client.writer.write(piece)
        await client.writer.drain()

    _, _, body = await client.answer()

    assert json.loads(body) == {"path": "/a", "bytes": 18, "whole": False}


async def test_a_chunked_body_is_taken(connect: Connect) -> None:
    client = await connect()
    client.writer.write(
        b"POST /a HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )

    assert json.loads((await client.answer())[2])["bytes"] == 5


async def test_requests_one_behind_the_other_are_answered_in_order(connect: Connect, app: App) -> None:
    client = await connect()
    paths = ["/held", "/a", "/more", "/b", "/held/2"]
    for path in paths:
        client.send(f"POST {path} HTTP/1.1", b"z")
    await eventually(lambda: app.asked == ["/held"])

    app.go.set()
    answers = [json.loads((await client.answer())[2])["path"] for _ in paths]

    assert answers == paths


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on(connect: Connect) -> None:
    client = await connect()
    client.writer.write(b"POST /a HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
    async with asyncio.timeout(_SECONDS):
        told = await client.reader.readuntil(b"\r\n\r\n")
    client.writer.write(b"ok")

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert json.loads((await client.answer())[2])["bytes"] == 2


@pytest.mark.parametrize("head", ["POST /a HTTP/1.0", "POST /a HTTP/1.1\r\nconnection: close"])
async def test_a_connection_that_is_not_kept_is_closed_after_the_answer(connect: Connect, head: str) -> None:
    client = await connect()
    client.send(head, b"x")
    _, headers, body = await client.answer()

    assert headers["connection"] == "close"
    assert json.loads(body)["bytes"] == 1
    assert await client.ended()


async def test_a_head_has_no_body_and_the_next_answer_follows(connect: Connect) -> None:
    client = await connect()
    client.send("HEAD /a HTTP/1.1")
    client.send("POST /b HTTP/1.1", b"x")

    first, headers, _ = await client.answer(body=False)
    _, _, body = await client.answer()

    assert first == "HTTP/1.1 200 OK"
    assert int(headers["content-length"]) > 0
    assert json.loads(body)["path"] == "/b"


async def test_more_headers_are_sent(connect: Connect) -> None:
    client = await connect()
    client.send("POST /more HTTP/1.1", b"x")

    assert (await client.answer())[1]["x-more"] == "1"


async def test_a_client_that_hung_up_harms_nobody(connect: Connect, app: App) -> None:
    gone, stays = await connect(), await connect()
    gone.send("POST /gone HTTP/1.1", b"x")
    await eventually(lambda: app.asked == ["/gone"])
    gone.writer.transport.abort()

    await eventually(lambda: app.answered == ["/gone"])
    stays.send("POST /a HTTP/1.1", b"x")

    assert json.loads((await stays.answer())[2])["path"] == "/a"


async def test_the_date_goes_on(connect: Connect) -> None:
    client = await connect()
    dates: list[str] = []

    async def another() -> bool:
        client.send("POST /a HTTP/1.1", b"x")
        dates.append((await client.answer())[1]["date"])
        return any(before != after for before, after in pairwise(dates))

    assert await eventually(another, within=_SECONDS)


async def test_whoever_looks_at_the_messages_sees_them(app: App) -> None:
    looking = Looking(app)
    async with _clients(looking, Connection) as connect:
        client = await connect()
        client.send("POST /a HTTP/1.1", b"x")
        await client.answer()

    assert looking.seen == ["http.response.start", "http.response.body"]
