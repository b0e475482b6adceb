"""What stands in front of replicas: a TCP balancer that asks each whether it takes requests, as probes do."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence

import httpx2

_ASK_SECONDS = 0.2
_COPY_BYTES = 65_536


class Balancer:
    """Hands each new connection to the next replica that takes requests. `refused` counts those it had none for."""

    def __init__(self, replicas: Sequence[int]) -> None:
        self.address = ""
        self.refused = 0
        self._replicas = replicas
        self._open: list[int] = []
        self._turn = itertools.count()

    @property
    def takes_all(self) -> bool:
        """Tell whether every replica takes requests."""
        return len(self._open) == len(self._replicas)

    async def watch(self) -> None:
        """Ask the replicas again and again, until cancelled."""
        async with httpx2.AsyncClient(timeout=2, trust_env=False) as http:
            while True:
                answers = await asyncio.gather(*(_takes_requests(http, port) for port in self._replicas))
                self._open = [port for port, answer in zip(self._replicas, answers, strict=True) if answer]
                await asyncio.sleep(_ASK_SECONDS)

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy both ways until either side is done."""
        with contextlib.closing(writer):
            for _ in range(len(self._open)):
                port = self._open[next(self._turn) % len(self._open)]
                try:
                    behind = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    continue  # as a packet to a pod that is gone: the next one
                with contextlib.closing(behind[1]):
                    await asyncio.wait(
                        [
                            asyncio.ensure_future(_copy(reader, behind[1])),
                            asyncio.ensure_future(_copy(behind[0], writer)),
                        ],
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                return
            self.refused += 1


async def _takes_requests(http: httpx2.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz/traffic")).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_COPY_BYTES):
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def balancing(replicas: Sequence[int], *, port: int = 0) -> AsyncIterator[Balancer]:
    """Run a balancer on loopback in front of the replicas at these ports."""
    balancer = Balancer(replicas)
    server = await asyncio.start_server(balancer.on_connection, "127.0.0.1", port)
    balancer.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    watching = asyncio.create_task(balancer.watch())
    try:
        yield balancer
    finally:
        watching.cancel()
        server.close()
        await asyncio.gather(watching, return_exceptions=True)
