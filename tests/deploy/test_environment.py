"""Every variable that a manifest sets is one that the process reads, and every secret comes from somewhere."""

import json

import pytest
from tieline_cli.keys import KUBERNETES_SECRETS, SystemKeys

from scripts.gen_docs import SETTINGS, fields_of
from tests.deploy.rendered import ROLES, Manifests, environment_of

_OTEL = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}


def _known(role: str) -> set[str]:
    return {name for name, _, _ in fields_of(SETTINGS[role], "TIELINE")}


def test_variables_are_settings_of_their_service(manifests: Manifests) -> None:
    for name, workload in manifests.services.items():
        container = workload["spec"]["template"]["spec"]["containers"][0]

        assert set(environment_of(manifests, container)) - _OTEL <= _known(ROLES[name]), name


def test_variables_of_the_setup_job_are_settings(manifests: Manifests) -> None:
    for container in manifests.get("Job", "tieline-setup")["spec"]["template"]["spec"]["containers"]:
        assert set(environment_of(manifests, container)) <= _known("registry")


def test_variables_of_the_operators_pod_are_settings_of_the_command(manifests: Manifests) -> None:
    (container,) = manifests.get("Deployment", "tieline-tools")["spec"]["template"]["spec"]["containers"]
    environment = environment_of(manifests, container)
    port = manifests.get("Service", "tieline-gateway")["spec"]["ports"][0]["port"]

    assert set(environment) - _known("registry") - _OTEL == {"TIELINE_GATEWAY_URL"}
    assert environment["TIELINE_GATEWAY_URL"] == f"http://tieline-gateway:{port}"


def test_values_are_taken_by_the_settings(manifests: Manifests, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, workload in manifests.services.items():
        environment = environment_of(manifests, workload["spec"]["template"]["spec"]["containers"][0])
        made = SystemKeys.generate("k1").as_environment() | {
            "TIELINE_MONGO__URL": "mongodb://mongo:27017",
            "TIELINE_KAFKA__SASL_USERNAME": "tieline",
            "TIELINE_KAFKA__SASL_PASSWORD": "secret",
            "TIELINE_GATEWAY__INSTANCE": "tieline-gateway-0",
        }
        with monkeypatch.context() as patch:
            for variable, value in environment.items():
                patch.setenv(variable, value if isinstance(value, str) else made[variable])

            settings = SETTINGS[ROLES[name]]()

        assert settings.kafka.bootstrap_servers == environment["TIELINE_KAFKA__BOOTSTRAP_SERVERS"]
        assert settings.http.host == "0.0.0.0"


def test_services_find_each_other_at_their_services(manifests: Manifests) -> None:
    config = manifests.get("ConfigMap", "tieline-config")["data"]

    for variable, name in (
        ("TIELINE_INTERNAL__REGISTRY_URL", "tieline-registry"),
        ("TIELINE_INTERNAL__WEBHOOK_ROUTER_URL", "tieline-webhook-router"),
        ("TIELINE_INTERNAL__SYNC_WORKER_URL", "tieline-sync-worker"),
    ):
        port = manifests.get("Service", name)["spec"]["ports"][0]["port"]
        assert config[variable] == f"http://{name}:{port}"


def test_secrets_are_referred_to_and_never_written_down(manifests: Manifests) -> None:
    written = {each["metadata"]["name"].rpartition("-")[0] for each in manifests.of("Secret")}
    configured = json.dumps([each["data"] for each in manifests.of("ConfigMap")])

    assert written <= {"tieline-mongo"}  # the local one, which has no password
    for variable in ("TOKEN", "MASTER_KEYS", "PRIVATE_KEYS", "PASSWORD", "QUARANTINE_KEY"):
        assert variable not in configured


def test_the_secret_store_provides_what_is_referred_to(production: Manifests) -> None:
    provided = {
        (each["spec"]["target"]["name"], item["secretKey"])
        for each in production.of("ExternalSecret")
        for item in each["spec"]["data"]
    }

    assert _referred(production) == provided


def test_generated_keys_fill_the_secrets_that_are_referred_to(manifests: Manifests) -> None:
    made = {(name, variable) for name, variables in KUBERNETES_SECRETS.items() for variable in variables}
    items = json.loads(SystemKeys.generate("k1").as_manifests("tieline"))["items"]

    assert {(name, variable) for name, variable in _referred(manifests) if name in KUBERNETES_SECRETS} == made
    assert {(item["metadata"]["name"], variable) for item in items for variable in item["stringData"]} == made


def test_no_service_can_read_more_keys_than_it_needs(manifests: Manifests) -> None:
    readers: dict[str, set[str]] = {}
    for name, pod in manifests.own_pods():
        for container in pod["containers"]:
            for variable, value in environment_of(manifests, container).items():
                if isinstance(value, dict) and "secretKeyRef" in value:
                    readers.setdefault(variable, set()).add(name)

    assert readers["TIELINE_SECRETS__MASTER_KEYS"] == {"tieline-registry"}
    assert readers["TIELINE_SECRETS__SEALING_PRIVATE_KEYS"] == {"tieline-registry"}
    assert not {"tieline-gateway", "tieline-tools"} & readers["TIELINE_INTERNAL__CREDENTIALS_TOKEN"]
    assert "tieline-gateway" not in readers["TIELINE_MONGO__URL"]
    assert readers["TIELINE_WEBHOOKS__QUARANTINE_KEY"] == {"tieline-webhook-router"}


def _referred(manifests: Manifests) -> set[tuple[str, str]]:
    return {
        (value["secretKeyRef"]["name"], value["secretKeyRef"]["key"])
        for _, pod in manifests.own_pods()
        for container in pod["containers"]
        for value in environment_of(manifests, container).values()
        if isinstance(value, dict) and "secretKeyRef" in value
    }
