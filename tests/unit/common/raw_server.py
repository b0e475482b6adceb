"""A server that answers with exactly the bytes it is told, for what no well-behaved server would send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Where it listens, and the head of every request that came."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)


async def say_nothing(_writer: asyncio.StreamWriter) -> None:
    """Leave the caller waiting."""
    await asyncio.Event().wait()


@asynccontextmanager
async def raw_server(answer: bytes | Answering) -> AsyncIterator[RawServer]:
    """Serve `answer` once per connection: bytes, or a function that writes them."""
    server = RawServer()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        task.add_done_callback(serving.discard)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            server.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(writer)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in serving:
            task.cancel()
