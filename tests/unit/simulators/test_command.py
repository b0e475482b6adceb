import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import httpx2
import pytest
from tieline_simulators import SlackSimulator, StandInStartError, running


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tieline_simulators", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_prints_addresses_once_they_answer_and_ends_cleanly(number: signal.Signals) -> None:
    process = command("--slack-port", "0", "--servicenow-port", "0", "--servicenow-incidents", "5")
    try:
        assert process.stdout
        addresses = json.loads(process.stdout.readline())
        with urllib.request.urlopen(addresses["slack"] + "/_received", timeout=5) as answer:
            received = json.load(answer)
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    finally:
        process.kill()

    assert set(addresses) == {"slack", "servicenow"}
    assert received == []
    assert (process.returncode, errors) == (0, "")


def test_command_resets_connections_and_ends_while_a_call_hangs() -> None:
    process = command("--slack-port", "0")
    try:
        assert process.stdout
        address = json.loads(process.stdout.readline())["slack"]
        with httpx2.Client(base_url=address) as api:
            api.post("/_faults", json={"fault": "reset"})
            with pytest.raises(httpx2.ReadError):
                api.post("/api/auth.test")
            api.post("/_faults", json={"fault": "hang", "seconds": 600})
            with pytest.raises(httpx2.ReadTimeout):
                api.post("/api/auth.test", timeout=0.2)
            process.terminate()
            _, errors = process.communicate(timeout=10)
    finally:
        process.kill()

    assert (process.returncode, errors) == (0, "")


async def test_taken_port_is_an_error_that_names_it() -> None:
    async with running(slack=SlackSimulator()) as addresses:
        port = addresses["slack"].rpartition(":")[2]

        process = command("--slack-port", port)
        _, errors = process.communicate(timeout=10)

        assert process.returncode == 1
        assert f"slack cannot listen on 127.0.0.1:{port}" in errors
        with pytest.raises(StandInStartError):
            async with running(ports={"slack": int(port)}, slack=SlackSimulator()):
                pass


def test_log_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    process = command("--servicenow-port", "0", "--servicenow-csv", str(tmp_path / "none.csv"))

    _, errors = process.communicate(timeout=10)

    assert process.returncode == 1
    assert "none.csv" in errors
