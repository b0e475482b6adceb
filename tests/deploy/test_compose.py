"""`docker-compose.yml`: read by the specification's own parsers, and held against the settings and the image."""

import re
import subprocess
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from tieline.service.health import Health

from scripts.gen_docs import SETTINGS, fields_of
from tests.deploy.tools import ROOT, go_tool

_FILE = ROOT / "docker-compose.yml"
_SERVICES = tuple(SETTINGS)
_OURS = (*_SERVICES, "topics", "setup", "keys")


@pytest.fixture
def compose() -> dict[str, Any]:
    """The file with its merges done; every variable that it interpolates has its default."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", _FILE.read_text())
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_the_file_follows_the_specification(compose: dict[str, Any]) -> None:
    parsed = PyCompose.from_yaml(yaml.safe_dump(compose))

    assert set(parsed.service_names()) >= {*_OURS, "proxy", "kafka", "mongo", "jaeger", "prometheus", "grafana"}


def test_docker_composes_own_loader_takes_it() -> None:
    loader = go_tool("github.com/compose-spec/compose-go/v2/cmd@v2.9.0", "cmd")

    loaded = subprocess.run([loader, _FILE], capture_output=True, text=True, check=False, timeout=60)

    assert loaded.returncode == 0, loaded.stderr
    assert "tieline_gateway" in loaded.stdout


def test_variables_are_settings_of_their_service(compose: dict[str, Any]) -> None:
    for name in _SERVICES:
        known = {variable for variable, _, _ in fields_of(SETTINGS[name], "TIELINE")}
        given = set(compose["services"][name]["environment"])

        assert {variable for variable in given if not variable.startswith("OTEL_")} <= known, name


def test_services_listen_find_each_other_and_are_asked_where_they_answer(compose: dict[str, Any]) -> None:
    answered = {route.path for route in Health({}).routes()}
    for name in _SERVICES:
        service = compose["services"][name]
        port = SETTINGS[name].model_fields["http"].default.port
        (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/[a-z/]+)", service["healthcheck"]["test"][-1])

        assert service["environment"]["TIELINE_HTTP__PORT"] == str(port)
        assert asked[0] == str(port)
        assert asked[1] in answered
        if name != "gateway":
            variable = f"TIELINE_INTERNAL__{name.replace('-', '_').upper()}_URL"
            assert compose["services"]["gateway"]["environment"][variable] == f"http://{name}:{port}"


def test_our_containers_are_hardened(compose: dict[str, Any]) -> None:
    for name in _OURS:
        service = compose["services"][name]

        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_only_the_proxy_and_the_viewers_listen_and_only_on_loopback(compose: dict[str, Any]) -> None:
    listening = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}

    assert set(listening) == {"proxy", "jaeger", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in listening.values() for port in ports)


def test_only_the_registry_gets_the_keys_that_open(compose: dict[str, Any]) -> None:
    having = {
        name for name in _OURS if "TIELINE_SECRETS__MASTER_KEYS" in compose["services"][name].get("environment", {})
    }

    assert having == {"registry"}
    assert "TIELINE_INTERNAL__CREDENTIALS_TOKEN" not in compose["services"]["gateway"]["environment"]


def test_profiles_bring_what_they_are_called_after(compose: dict[str, Any]) -> None:
    profiles = {name: service["profiles"] for name, service in compose["services"].items() if "profiles" in service}

    assert {name: profiles[name] for name in ("jaeger", "prometheus", "grafana")} == {
        "jaeger": ["jaeger"],
        "prometheus": ["prometheus"],
        "grafana": ["grafana"],
    }


def test_every_image_is_pinned(compose: dict[str, Any]) -> None:
    images = [service["image"] for service in compose["services"].values()]

    assert [image for image in images if not re.search(r":v?\d|^tieline:local$", image)] == []


def test_files_that_are_mounted_exist(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]

    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []
