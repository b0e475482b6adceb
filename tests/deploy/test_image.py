"""The image, as far as it can be shown without building it: its file, its lock, and its commands run as it would."""

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tieline_cli.processes.ports import free_port

from tests.deploy.tools import HERE, ROOT
from tests.support.stacks import until

_DOCKERFILE = ROOT / "deploy" / "Dockerfile"
_LOCK = ROOT / "deploy" / "requirements.lock"
_BUILD = ROOT / "deploy" / "build.lock"
_NOT_IN_AN_IMAGE = ("noida-db", "secantusdb", "pytest", "mypy", "ruff", "hypothesis", "hatchling", "pip", "uv")
_MODULES = ("tieline_gateway", "tieline_registry", "tieline_sync", "tieline_webhooks")
_INSTALL_SECONDS = 300
_NOTING_WRITES = """
import os, runpy, sys
def note(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        print('{"wrote": "%s"}' % os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "{}", flush=True)
sys.addaudithook(note)
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
"""Runs a module and tells of every file that it opens to write."""


def test_the_dockerfile_passes_the_linter() -> None:
    linter = Path(sys.executable).with_name("hadolint")

    checked = subprocess.run([linter, _DOCKERFILE], capture_output=True, text=True, check=False, timeout=60)

    assert checked.returncode == 0, checked.stdout


def test_the_image_is_pinned_hashed_and_runs_as_nobody() -> None:
    text = _DOCKERFILE.read_text()
    stages = text.split("\nFROM ")

    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim", text, re.MULTILINE)
    assert len(stages) == 3
    assert text.count("--require-hashes --only-binary :all:") == 2
    assert "USER 10001:10001" in stages[-1]
    assert not re.search(r"apt-get|gcc|build-essential", text)


@pytest.mark.parametrize("lock", [_LOCK, _BUILD])
def test_locks_hash_every_file_and_name_no_index(lock: Path) -> None:
    text = lock.read_text()
    pinned = re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE)
    blocks = re.split(r"\n(?=[a-z0-9._-]+==)", text)

    assert pinned
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    installed = set(re.findall(r"^([a-z0-9._-]+)==", _LOCK.read_text(), re.MULTILINE))
    everything = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    locked = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", _LOCK.read_text(), re.MULTILINE))

    assert not installed & set(_NOT_IN_AN_IMAGE)
    assert {"aiokafka", "pymongo", "uvicorn", "typer"} <= installed
    differing = {name for name, version in locked.items() if everything.get(name, version) != version}
    assert differing == set(), "run scripts/lock.sh"


@pytest.fixture(scope="session")
def image() -> Path:
    """A virtual environment made from the image's lock and from wheels, kept until one of them changes."""
    folder = HERE / "target" / "image"
    stamp = folder / "made-of"
    made_of = _LOCK.read_text() + sys.version
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != made_of:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        _install(python, "--require-hashes", "--only-binary", ":all:", "-r", str(_LOCK))
        stamp.write_text(made_of)
    wheels = folder / "wheels"
    members = [
        str(member.parent) for member in sorted(ROOT.glob("*/*/pyproject.toml")) if "simulators" not in str(member)
    ]
    _run(
        *(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(wheels)),
        *members,
    )
    built = [str(wheel) for wheel in sorted(wheels.glob("tieline*.whl"))]
    _install(python, "--no-deps", "--no-index", "--reinstall", *built)
    return folder


def _install(python: Path, *what: str) -> None:
    _run(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python), "--compile-bytecode", *what)


def test_the_image_lacks_nothing_that_its_packages_need(image: Path) -> None:
    _run(str(image / "bin" / "python"), "-m", "pip", "check")


@pytest.mark.parametrize("module", _MODULES)
def test_roles_start_without_kafka_write_to_their_spool_alone_and_stop_in_order(
    image: Path, tmp_path: Path, module: str
) -> None:
    port, log, spool, keys = free_port(), tmp_path / "log", tmp_path / "spool", _keys(image)
    environment = {
        "PATH": str(image / "bin"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TIELINE_HTTP__PORT": str(port),
        "TIELINE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody there: it must live without
        "TIELINE_WEBHOOKS__SPOOL_DIR": str(spool),
        **_own(module, keys),
    }
    argv = [str(image / "bin" / "python"), "-c", _NOTING_WRITES, module]
    with log.open("w") as output:
        process = subprocess.Popen(argv, cwd="/", env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        until(lambda: _answers(port, "/healthz") or process.poll() is not None, seconds=30)
        assert process.poll() is None, log.read_text()
        assert not _answers(port, "/readyz")
    finally:
        process.terminate()
        process.wait(timeout=30)

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    written = [line["wrote"] for line in lines if "wrote" in line]
    assert "stopped" in [line.get("message") for line in lines]
    assert [path for path in written if not path.startswith((str(spool), "/dev/", "/tmp/"))] == []
    assert not any(key in log.read_text() for key in keys.values())


def test_the_command_works_in_the_image(image: Path) -> None:
    shown = subprocess.run(
        [image / "bin" / "tieline", "--help"], capture_output=True, text=True, check=True, cwd="/", timeout=60
    )

    assert "topics" in shown.stdout


def _keys(image: Path) -> dict[str, str]:
    made = subprocess.run(
        [image / "bin" / "tieline", "keys", "generate"], capture_output=True, text=True, check=True, timeout=60
    )
    return dict(line.split("=", 1) for line in made.stdout.splitlines())


def _own(module: str, keys: dict[str, str]) -> dict[str, str]:
    """Return the keys that a role is given."""
    own = {
        "tieline_gateway": {"TIELINE_SECRETS__SEALING_PUBLIC_KEY"},
        "tieline_sync": {"TIELINE_SECRETS__SEALING_PUBLIC_KEY"},
        "tieline_registry": {"TIELINE_SECRETS__MASTER_KEYS", "TIELINE_SECRETS__SEALING_PRIVATE_KEYS"},
        "tieline_webhooks": {"TIELINE_WEBHOOKS__QUARANTINE_KEY"},
    }
    return {name: keys[name] for name in own.get(module, set()) | {"TIELINE_INTERNAL__TOKEN"}}


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
