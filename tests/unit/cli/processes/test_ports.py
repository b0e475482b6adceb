"""Taken ports are named, with their holders."""

import os
import socket
import sys

import pytest
from tieline_cli.errors import PortInUseError
from tieline_cli.processes.ports import free_base, free_port, is_free, require_free
from tieline_cli.processes.program import LOOPBACK


def test_free_ports_pass() -> None:
    require_free({"kafka": free_port()})


def test_a_taken_port_is_refused_by_number_and_use() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(PortInUseError, match=rf"{port} \(for kafka\)") as refusal:
            require_free({"kafka": port, "mongo": free_port()})

    assert refusal.value.taken == {"kafka": port}


@pytest.mark.skipif(sys.platform != "linux", reason="holders are read from /proc")
def test_the_holder_of_a_taken_port_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(PortInUseError, match=f"process {os.getpid()} "):
            require_free({"kafka": port})


def test_a_port_taken_on_all_addresses_counts_as_taken() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_row_of_ports_is_free_as_a_whole() -> None:
    base = free_base(14)

    require_free({str(port): port for port in range(base, base + 14)})
