"""Which addresses may be dialled, however they are written."""

import asyncio
import socket
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline.outgoing import AddressRefusedError, Names, OutgoingClient
from tieline.outgoing.addresses import is_public, parse
from tieline.settings import OutgoingSettings

TLS = ssl.create_default_context()  # reading the authorities takes long
FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_addresses_are_forbidden(address: str) -> None:
    assert not is_public(parse(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(parse(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_every_wrapping(address: Any) -> None:
    number = int(address)

    mapped = parse(f"::ffff:{address}")
    translated = parse(f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}")

    assert is_public(mapped) == is_public(translated) == is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://0/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:22/",
        "http://user:pass@127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//example.com/",
        "example.com",
        "",
        "http://",
        "http:///path",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "https://" + "a" * 9000,
    ],
)
async def test_a_forbidden_url_is_refused_before_anything_is_dialled(url: str) -> None:
    async with OutgoingClient(OutgoingSettings(allow_http=True), tls=TLS) as client:
        with pytest.raises(AddressRefusedError):
            await client.call("GET", url)


async def test_plain_http_is_refused_unless_allowed() -> None:
    async with OutgoingClient(OutgoingSettings(), tls=TLS) as client:
        with pytest.raises(AddressRefusedError, match="scheme http"):
            await client.call("GET", "http://1.1.1.1/")


async def test_a_name_that_changes_its_answer_after_the_check_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1"])
    dialled: list[str] = []
    loop = asyncio.get_running_loop()

    def rebinding(_host: str) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 0))]

    async def note(_factory: Any, host: str, _port: int, **_: Any) -> Any:
        dialled.append(host)
        raise OSError("not really")

    monkeypatch.setattr(loop, "create_connection", note)
    async with OutgoingClient(OutgoingSettings(allow_http=True), tls=TLS, names=Names(rebinding)) as client:
        with pytest.raises(Exception, match=r"rebind\.example"):
            await client.call("GET", "http://rebind.example/")
        with pytest.raises(AddressRefusedError):
            await client.call("GET", "http://rebind.example/")

    assert dialled == ["93.184.216.34"]
