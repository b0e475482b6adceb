"""What a hostile or broken server can do to a call: nothing but fail it, in bounded time and memory."""

import asyncio
import datetime as dt
import gzip
import ipaddress
import resource
import ssl
import time
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from tieline.outgoing import (
    AddressRefusedError,
    Answer,
    CallFailedError,
    CallTimedOutError,
    HostClients,
    NameUnresolvedError,
    OutgoingClient,
    RequestRefusedError,
    ResponseTooLargeError,
    ResponseUnreadableError,
    TlsFailedError,
)
from tieline.settings import OutgoingSettings

from tests.support.waiting import eventually
from tests.unit.common.raw_server import raw_server, say_nothing

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
LIMIT = 100_000
TLS = ssl.create_default_context()  # reading the authorities takes long


def client(**changes: object) -> OutgoingClient:
    chosen = {
        "timeout": timedelta(seconds=2),
        "max_response_bytes": LIMIT,
        "allow_http": True,
        "dangerous_allow_private_addresses": True,
    }
    return OutgoingClient(OutgoingSettings.model_validate({**chosen, **changes}), tls=TLS)


def answer_of(body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers).encode()
    return OK + lines + b"content-length: %d\r\n\r\n" % len(body) + body


async def test_an_answer_comes_whole_with_its_headers_in_lower_case() -> None:
    async with raw_server(answer_of(b'{"a": 1}', "X-Thing: yes")) as server, client() as http:
        answer = await http.call("GET", server.url)

    assert (answer.status, answer.json(), answer.headers["x-thing"]) == (200, {"a": 1}, "yes")


async def test_a_packed_answer_is_unpacked() -> None:
    body = b"x" * 90_000
    async with raw_server(answer_of(gzip.compress(body), "content-encoding: gzip")) as server, client() as http:
        answer = await http.call("GET", server.url)

    assert answer.body == body


@settings(max_examples=25)
@given(st.binary(max_size=3000), st.integers(1, 40), st.integers(0, 9))
def test_any_packed_body_is_read_as_it_was(body: bytes, times: int, level: int) -> None:
    async def read() -> Answer:
        packed = gzip.compress(body * times, level)
        settings = {"max_response_bytes": 1_000_000}
        async with raw_server(answer_of(packed, "content-encoding: gzip")) as server, client(**settings) as http:
            return await http.call("GET", server.url)

    assert asyncio.run(read()).body == body * times


async def test_a_body_larger_than_the_limit_is_refused() -> None:
    async with raw_server(answer_of(b"x" * (LIMIT + 1))) as server, client() as http:
        with pytest.raises(ResponseTooLargeError):
            await http.call("GET", server.url)


async def test_a_call_may_want_less_than_the_settings_allow_and_not_more() -> None:
    async with raw_server(answer_of(b"x" * 2000)) as server, client() as http:
        with pytest.raises(ResponseTooLargeError) as caught:
            await http.call("GET", server.url, most_bytes=1999)
        whole = await http.call("GET", server.url, most_bytes=2000)
    async with raw_server(answer_of(b"x" * (LIMIT + 1))) as server, client() as http:
        with pytest.raises(ResponseTooLargeError):
            await http.call("GET", server.url, most_bytes=LIMIT * 10)

    assert (caught.value.limit, len(whole.body)) == (1999, 2000)


async def test_an_endless_body_is_refused_at_the_limit() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    async with raw_server(endless) as server, client() as http:
        with pytest.raises(ResponseTooLargeError):
            await http.call("GET", server.url)


async def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = packed_zeros(megabytes=120)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with (
        raw_server(answer_of(bomb, "content-encoding: gzip")) as server,
        client(timeout=timedelta(seconds=30), max_response_bytes=2 * LIMIT) as http,
    ):
        with pytest.raises(ResponseTooLargeError):
            await http.call("GET", server.url)

    assert len(bomb) < 2 * LIMIT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB; unpacked it is 120 MB


def packed_zeros(megabytes: int) -> bytes:
    """Return megabytes of zeros as gzip: one, packed and repeated. The checksum is wrong for who gets as far."""
    squeeze = zlib.compressobj(6, wbits=31)
    start = squeeze.flush(zlib.Z_FULL_FLUSH)
    megabyte = squeeze.compress(bytes(1_000_000)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return start + megabyte * megabytes + squeeze.flush()


async def test_what_follows_the_end_of_a_packed_body_is_bounded_too() -> None:
    async def packed_and_more(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"{}"))
        while not writer.is_closing():
            writer.write(b"x" * 4096)
            await writer.drain()

    async with raw_server(packed_and_more) as server, client() as http:
        with pytest.raises(ResponseTooLargeError):
            await http.call("GET", server.url)


async def test_a_packed_body_that_ends_early_is_no_answer() -> None:
    packed = gzip.compress(b'{"a": 1}' * 500)
    async with raw_server(answer_of(packed[:-20], "content-encoding: gzip")) as server, client() as http:
        with pytest.raises(CallFailedError):
            await http.call("GET", server.url)


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip;q=1"])
async def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    async with raw_server(answer_of(b"x", f"content-encoding: {encoding}")) as server, client() as http:
        with pytest.raises(ResponseUnreadableError):
            await http.call("GET", server.url)


async def test_a_body_that_trickles_is_given_up_after_the_whole_time() -> None:
    async def trickling(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with raw_server(trickling) as server, client() as http:
        started = time.monotonic()
        with pytest.raises(CallTimedOutError) as caught:
            await http.call("GET", server.url, timeout=timedelta(seconds=0.4))

    assert time.monotonic() - started < 1.5
    assert (caught.value.limit, caught.value.sent) == (timedelta(seconds=0.4), True)


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with raw_server(say_nothing) as server, client(timeout=timedelta(seconds=0.3)) as http:
        with pytest.raises(CallTimedOutError) as caught:
            await http.call("POST", server.url, json={})

    assert caught.value.limit == timedelta(seconds=0.3)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_returned_and_not_followed(status: int) -> None:
    async with raw_server(answer_of(b"{}")) as inside:
        redirect = b"HTTP/1.1 %d Moved\r\nlocation: %s/secret\r\ncontent-length: 0\r\n\r\n" % (
            status,
            inside.url.encode(),
        )
        async with raw_server(redirect) as server, client() as http:
            answer = await http.call("GET", server.url)

    assert (answer.status, answer.headers["location"]) == (status, f"{inside.url}/secret")
    assert inside.requests == []


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/", "http://169.254.169.254/", "file:///etc/passwd", "http://["]
)
async def test_no_location_of_a_redirect_makes_trouble(location: str) -> None:
    redirect = f"HTTP/1.1 302 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode()
    async with raw_server(redirect) as server, client() as http:
        assert (await http.call("GET", server.url)).status == 302


INJECTIONS = ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\0b", "a\r\n\r\nGET /evil HTTP/1.1"]


@pytest.mark.parametrize("value", INJECTIONS)
async def test_a_header_can_not_be_smuggled_in_by_a_value(value: str) -> None:
    async with raw_server(answer_of(b"{}")) as server, client() as http:
        with pytest.raises(RequestRefusedError):
            await http.call("GET", server.url, headers={"X-Given": value})

    assert not any(b"evil" in request.lower() for request in server.requests)


@pytest.mark.parametrize("name", ["X-Given\r\nX-Evil", "X Given", "X:Given", "", "X-Gïven", "\u212aey"])
async def test_a_header_can_not_be_smuggled_in_by_a_name(name: str) -> None:
    async with raw_server(answer_of(b"{}")) as server, client() as http:
        with pytest.raises(AddressRefusedError):
            await http.call("GET", server.url, headers={name: "1"})

    assert server.requests == []


@pytest.mark.parametrize(
    "name",
    ["Host", "Content-Length", "Transfer-Encoding", "Connection", "TE", "Upgrade", "Expect", " host ", "Trailer"],
)
async def test_headers_that_frame_the_request_are_not_the_callers(name: str) -> None:
    async with raw_server(answer_of(b"{}")) as server, client() as http:
        with pytest.raises(RequestRefusedError):
            await http.call("POST", server.url, headers={name: "chunked"}, json={})

    assert server.requests == []


@pytest.mark.parametrize("method", ["GET /evil HTTP/1.1\r\nX:", "GE T", "GET\n", ""])
async def test_a_request_can_not_be_smuggled_in_by_the_method(method: str) -> None:
    async with raw_server(answer_of(b"{}")) as server, client() as http:
        with pytest.raises(AddressRefusedError):
            await http.call(method, server.url)

    assert server.requests == []


async def test_a_path_can_not_break_out_of_the_request_line() -> None:
    async with raw_server(answer_of(b"{}")) as server, client() as http:
        try:
            await http.call("GET", server.url + "/a HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET /evil")
        except AddressRefusedError:
            return

    [request] = server.requests
    assert len(request.split(b"\r\n")[0].split(b" ")) == 3
    assert b"\r\nX-Evil" not in request


async def test_a_cookie_is_not_carried_from_one_call_to_the_next() -> None:
    async with raw_server(answer_of(b"{}", "set-cookie: session=1; Path=/")) as server, client() as http:
        await http.call("GET", server.url)
        await http.call("GET", server.url)

    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_endless_headers_are_given_up() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"x-more: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    async with raw_server(endless) as server, client() as http:
        with pytest.raises(CallFailedError):
            await http.call("GET", server.url)


@pytest.mark.parametrize(
    "answer", [b"", b"\0\1\2", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"]
)
async def test_what_is_no_http_is_a_failed_call(answer: bytes) -> None:
    async with raw_server(answer) as server, client() as http:
        with pytest.raises(CallFailedError) as caught:
            await http.call("GET", server.url)

    assert caught.value.sent


async def test_a_refused_connection_had_sent_nothing() -> None:
    async with raw_server(b"") as server:
        pass
    async with client() as http:
        with pytest.raises(CallFailedError) as caught:
            await http.call("POST", server.url, json={})

    assert not caught.value.sent


async def test_an_unknown_name_is_said_to_be_unknown() -> None:
    async with client() as http:
        with pytest.raises(NameUnresolvedError):
            await http.call("GET", "http://no-such-host.invalid/")


async def test_an_error_names_neither_path_nor_query_nor_header() -> None:
    async with raw_server(b"") as server, client() as http:
        with pytest.raises(CallFailedError) as caught:
            await http.call("GET", f"{server.url}/s3cret-path?key=s3cret", headers={"authorization": "Bearer s3cret"})

    assert "s3cret" not in f"{caught.value} {caught.value!r}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


async def test_a_certificate_that_nobody_vouches_for_fails_before_anything_is_sent(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer_of(b"{}"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server, client() as wary:
        allowed = OutgoingSettings(dangerous_allow_private_addresses=True)
        async with HostClients(allowed, tls=trusting) as knowing:
            answer = await knowing.call("GET", f"https://127.0.0.1:{port}/")
            with pytest.raises(TlsFailedError):
                await knowing.call("GET", f"https://localhost:{port}/")
        with pytest.raises(TlsFailedError) as caught:
            await wary.call("POST", f"https://127.0.0.1:{port}/", json={})

    assert answer.status == 200
    assert (len(seen), caught.value.sent) == (1, False)
    assert caught.value.reason == "the certificate is not valid"


async def test_a_host_that_hangs_holds_up_no_other() -> None:
    allowed = OutgoingSettings(timeout=timedelta(seconds=3), allow_http=True, dangerous_allow_private_addresses=True)
    async with raw_server(say_nothing) as stuck, raw_server(answer_of(b"{}")) as well, HostClients(allowed) as http:
        hanging = [asyncio.create_task(http.call("GET", stuck.url)) for _ in range(100)]
        await eventually(lambda: stuck.requests)
        async with asyncio.timeout(2):
            answer = await http.call("GET", well.url)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    assert answer.status == 200
