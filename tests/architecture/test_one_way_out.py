"""Addresses that a tenant gives are called through one client only, the checked one."""

import ast
from pathlib import Path

from tests.architecture.sources import ROOT, called_name, calls, python_sources

_MAKES_A_CLIENT = {
    "AsyncClient",
    "Client",
    "AsyncHTTPTransport",
    "HTTPTransport",
    "ClientSession",
    "Session",
    "urlopen",
}
_OPENS_A_CONNECTION = {"create_connection", "open_connection", "getaddrinfo", "gethostbyname", "socket"}
_THE_CHECKED_ONE = Path("libs/common/src/tieline/outgoing")
_OWN_SERVICES = {
    "libs/common/src/tieline/provider_client.py",
    "libs/common/src/tieline/registry_client.py",
    "libs/common/src/tieline/sync_client.py",
    "services/gateway/src/tieline_gateway/bootstrap.py",
}
"""Clients whose address is a setting of the installation: one of its own services."""


def outside_of_the_checked_one() -> list[Path]:
    """Return what runs in a service and may not call out by itself."""
    running = [
        path for path in python_sources() if path.is_relative_to(ROOT / "libs/common") or "services" in path.parts
    ]
    return [path for path in running if not path.is_relative_to(ROOT / _THE_CHECKED_ONE)]


def test_clients_are_made_in_few_places() -> None:
    making = {
        str(path.relative_to(ROOT))
        for path in outside_of_the_checked_one()
        for call in calls(path)
        if called_name(call) in _MAKES_A_CLIENT and _is_of_a_library(call)
    }

    assert making == _OWN_SERVICES


def test_nobody_else_looks_names_up_or_connects() -> None:
    connecting = {
        str(path.relative_to(ROOT))
        for path in outside_of_the_checked_one()
        for call in calls(path)
        if called_name(call) in _OPENS_A_CONNECTION
    }

    assert connecting <= {"libs/common/src/tieline/service/run.py"}  # which listens


def _is_of_a_library(call: ast.Call) -> bool:
    """Tell a library's class from a class of ours with the same last name: `httpx2.AsyncClient`, `urlopen`."""
    return ast.unparse(call.func).split(".")[0] in {"httpx2", "httpx", "aiohttp", "requests", "urllib", "urlopen"}
