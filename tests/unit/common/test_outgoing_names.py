"""Looking names up: one that hangs holds up no other, and one that changes its answers leads nowhere it should not."""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import dns.message
import dns.resolver
import dns.rrset
import pytest
from tieline.outgoing import (
    AddressRefusedError,
    CallFailedError,
    HostClients,
    Names,
    NameUnresolvedError,
    OutgoingClient,
)
from tieline.outgoing.client import warn_of_private_addresses
from tieline.settings import OutgoingSettings

from tests.support.waiting import eventually
from tests.unit.common.raw_server import raw_server

TLS = ssl.create_default_context()  # reading the authorities takes long
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def entry(address: str) -> tuple[Any, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))


class Hanging:
    """Look-ups that do not come to an end before they are let go, but for `well.example`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = threading.Event()

    def __call__(self, host: str) -> list[Any]:
        self.asked.append(host)
        if host != "well.example":
            self.let_go.wait(30)
        return [entry("127.0.0.1")]


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    found = Hanging()
    yield found
    found.let_go.set()


async def test_names_that_hang_hold_up_no_other(hanging: Hanging) -> None:
    allowed = OutgoingSettings(
        connect_timeout=timedelta(seconds=20),
        timeout=timedelta(seconds=20),
        dangerous_allow_private_addresses=True,
    )
    async with (
        raw_server(OK) as server,
        OutgoingClient(allowed, tls=TLS, names=Names(hanging)) as http,
        OutgoingClient(allowed, tls=TLS) as everyday,
    ):
        port = server.url.rpartition(":")[2]
        stuck = [asyncio.create_task(http.call("GET", f"http://dead-{n}.example:{port}/")) for n in range(50)]
        await eventually(lambda: len(hanging.asked) == 50)

        answer = await http.call("GET", f"http://well.example:{port}/")
        others = await everyday.call("GET", f"http://localhost:{port}/")
        by_the_loop = await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

    assert (answer.status, others.status, bool(by_the_loop)) == (200, 200, True)


async def test_a_name_that_hangs_is_given_up_and_asked_for_once_however_often_it_is_called(hanging: Hanging) -> None:
    impatient = OutgoingSettings(connect_timeout=timedelta(milliseconds=50), allow_http=True)
    async with OutgoingClient(impatient, tls=TLS, names=Names(hanging)) as http:
        calls = [http.call("GET", "http://dead.example/") for _ in range(20)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(NameUnresolvedError):
            await http.call("GET", "http://dead.example/")

    assert {type(outcome) for outcome in outcomes} == {NameUnresolvedError}
    assert hanging.asked == ["dead.example"]


async def test_there_are_never_more_look_ups_than_agreed(hanging: Hanging) -> None:
    names = Names(hanging, most=3)
    stuck = [asyncio.create_task(names.addresses(f"dead-{n}.example")) for n in range(3)]
    await eventually(lambda: len(hanging.asked) == 3)

    with pytest.raises(NameUnresolvedError, match="3 names"):
        await names.addresses("dead-4.example")
    hanging.let_go.set()
    found = await asyncio.gather(*stuck)

    assert found == [["127.0.0.1"]] * 3
    assert await names.addresses("well.example") == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "a..b", "nul\0.example", "\ud800"])
async def test_what_is_no_name_is_said_to_be_unknown(host: str) -> None:
    with pytest.raises(NameUnresolvedError):
        await Names().addresses(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "::1"])
async def test_nobody_is_asked_for_an_address_that_is_written_out(host: str, hanging: Hanging) -> None:
    assert await Names(hanging).addresses(host) in (["127.0.0.1"], ["::1"])
    assert hanging.asked == []


async def test_a_name_whose_server_answers_differently_each_time_never_leads_inside(
    rebinding: "Rebinding", monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[str] = []
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def dial(factory: Any, host: str, port: int, **more: Any) -> Any:
        dialled.append(host)
        if host != "127.0.0.1":
            raise OSError("nobody there")  # no test reaches out into the world
        return await connect(factory, host, port, **more)

    monkeypatch.setattr(loop, "create_connection", dial)
    outcomes = []
    async with (
        raw_server(OK) as inside,
        OutgoingClient(OutgoingSettings(allow_http=True), tls=TLS, names=Names(rebinding.look_up)) as http,
    ):
        url = f"http://rebind.example:{inside.url.rpartition(':')[2]}"
        for _ in range(12):
            try:
                await http.call("GET", url)
            except (AddressRefusedError, CallFailedError) as error:
                outcomes.append(type(error))

    assert inside.requests == []
    assert rebinding.asked == 12
    assert dialled == ["198.41.0.4"] * 6
    assert outcomes == [CallFailedError, AddressRefusedError] * 6


class Rebinding(asyncio.DatagramProtocol):
    """A DNS server that answers a public and a private address in turn, and tells everyone not to remember it."""

    def __init__(self) -> None:
        self.asked = 0
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        address = ("198.41.0.4", "127.0.0.1")[self.asked % 2]
        self.asked += 1
        answer.answer.append(dns.rrset.from_text(question.question[0].name, 0, "IN", "A", address))
        self.transport.sendto(answer.to_wire(), addr)  # type: ignore[attr-defined]  # a datagram transport

    def look_up(self, host: str) -> list[Any]:
        """Ask this server, as the system's resolver would ask its own."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], self.port
        return [entry(record.address) for record in resolver.resolve(host, "A")]


@pytest.fixture
async def rebinding() -> AsyncIterator[Rebinding]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Rebinding, local_addr=("127.0.0.1", 0))
    yield server
    transport.close()


def test_that_private_addresses_are_allowed_is_said_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_private_addresses.cache_clear()

    HostClients(OutgoingSettings())
    quiet = list(caplog.records)
    for _ in range(2):
        HostClients(OutgoingSettings(dangerous_allow_private_addresses=True))

    assert quiet == []
    [record] = caplog.records
    assert (record.levelno, "private and loopback addresses" in record.message) == (logging.WARNING, True)
