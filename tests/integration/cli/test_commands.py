"""Commands that need no running stack, and what they refuse."""

import os
import socket
from pathlib import Path

import pytest
from tieline.topics import CATALOGUE
from tieline_cli.processes.ports import free_port
from tieline_cli.processes.program import LOOPBACK

from tests.support.stacks import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A folder with no stack in it."""
    return Stack(tmp_path / "stack")


def test_up_names_a_taken_port_and_its_holder_and_starts_nothing(stack: Stack) -> None:
    with socket.create_server((LOOPBACK, stack.port_base + 4)):
        answer = stack.run("up")

    assert answer.returncode == 1
    assert f"{stack.port_base + 4} (for kafka) is held by process {os.getpid()} " in answer.stderr
    assert stack.processes() == {}
    assert not stack.folder.state.exists()


def test_up_in_the_background_tells_why_it_did_not_start(stack: Stack) -> None:
    with socket.create_server((LOOPBACK, stack.port_base)):
        answer = stack.run("up", "--detach")

    assert answer.returncode == 1
    assert f"{stack.port_base} (for gateway)" in answer.stdout
    assert stack.processes() == {}


def test_up_names_a_missing_program(tmp_path: Path) -> None:
    hollow = tmp_path / "packages" / "noida_db"
    hollow.mkdir(parents=True)
    (hollow / "__init__.py").touch()
    stack = Stack(tmp_path / "stack", PYTHONPATH=str(hollow.parent))

    answer = stack.run("up")

    assert answer.returncode == 1
    assert "noida-db was not found" in answer.stderr
    assert stack.processes() == {}


def test_down_with_nothing_running_says_so(stack: Stack) -> None:
    answer = stack.run("down")

    assert answer.returncode == 0
    assert "No stack is running" in answer.stdout


def test_status_with_nothing_running_fails_and_says_what_to_do(stack: Stack) -> None:
    answer = stack.run("status")

    assert answer.returncode == 1
    assert "`tieline up` starts one" in answer.stderr


def test_logs_of_an_unknown_program_are_refused_by_name(stack: Stack) -> None:
    answer = stack.run("logs", "gatway")

    assert answer.returncode == 1
    assert "there is no log of gatway" in answer.stderr


def test_topics_are_created_once(tmp_path: Path, kafka_server: str, topic_prefix: str) -> None:
    kafka = {"TIELINE_KAFKA__BOOTSTRAP_SERVERS": kafka_server, "TIELINE_KAFKA__TOPIC_PREFIX": topic_prefix}
    stack = Stack(tmp_path, **kafka)

    first, second = stack.run("topics", "apply"), stack.run("topics", "apply")

    assert first.stdout.count(f"created {topic_prefix}") == len(CATALOGUE)
    assert second.returncode == 0
    assert "0 created" in second.stdout


def test_topics_without_a_broker_fail_with_its_address(tmp_path: Path) -> None:
    address = f"{LOOPBACK}:{free_port()}"

    answer = Stack(tmp_path, TIELINE_KAFKA__BOOTSTRAP_SERVERS=address).run("topics", "apply")

    assert answer.returncode == 1
    assert address in answer.stderr


def test_generated_keys_are_settings_ready_to_paste(stack: Stack) -> None:
    answer = stack.run("keys", "generate", "--kid", "k7")

    settings = dict(line.split("=", 1) for line in answer.stdout.splitlines())
    assert settings["TIELINE_SECRETS__MASTER_KEYS"].startswith("k7:")
    assert {
        "TIELINE_SECRETS__MASTER_KEYS",
        "TIELINE_SECRETS__SEALING_PRIVATE_KEYS",
        "TIELINE_SECRETS__SEALING_PUBLIC_KEY",
        "TIELINE_INTERNAL__TOKEN",
    } <= set(settings)
    assert all(settings.values())
