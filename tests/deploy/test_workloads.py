"""What each workload promises: hardened pods, probes that mean what they say, room to be moved and scaled."""

import re

from tieline.kafka.batches import GRACEFUL_SECONDS
from tieline.service.health import Health
from tieline.topics import CATALOGUE

from scripts.gen_docs import SETTINGS
from tests.deploy.rendered import ROLES, Manifests, environment_of
from tests.deploy.tools import ROOT

_MODULES = {
    "gateway": "tieline_gateway",
    "registry": "tieline_registry",
    "sync-worker": "tieline_sync",
    "webhook-router": "tieline_webhooks",
}


def test_there_is_one_workload_for_each_role_and_it_runs_that_role(manifests: Manifests) -> None:
    commands = {
        ROLES[name]: workload["spec"]["template"]["spec"]["containers"][0]["command"]
        for name, workload in manifests.services.items()
    }

    assert commands == {role: ["python", "-m", module] for role, module in _MODULES.items()}


def test_pods_run_as_nobody_in_particular_and_may_do_nothing(manifests: Manifests) -> None:
    for name, pod in manifests.own_pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] >= 10_000, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }, name


def test_every_pod_of_the_overlay_passes_the_restricted_standard(manifests: Manifests) -> None:
    for name, pod in manifests.pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
    labels = manifests.get("Namespace", "tieline")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_pod_gets_a_token_or_variables_of_kubernetes_own(manifests: Manifests) -> None:
    for name, pod in manifests.pods():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
    accounts = {each["metadata"]["name"]: each for each in manifests.of("ServiceAccount")}
    for name, pod in manifests.own_pods():
        assert pod["serviceAccountName"] == name
        assert accounts[name]["automountServiceAccountToken"] is False


def test_probes_ask_for_what_the_services_answer(manifests: Manifests) -> None:
    answered = {route.path for route in Health({}).routes()}
    for name, workload in manifests.services.items():
        container = workload["spec"]["template"]["spec"]["containers"][0]
        probes = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("liveness", "readiness", "startup")}
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}

        assert {probe["path"] for probe in probes.values()} <= answered
        assert all(probe["port"] in ports for probe in probes.values())
        # A dependency that is away must neither restart a process nor take all replicas out of service.
        assert probes["liveness"]["path"] == probes["startup"]["path"] == "/healthz"
        assert probes["readiness"]["path"] == "/readyz/traffic"
        assert ports["http"] == SETTINGS[ROLES[name]].model_fields["http"].default.port


def test_ports_agree_from_service_to_setting(manifests: Manifests) -> None:
    for name, workload in manifests.services.items():
        container = workload["spec"]["template"]["spec"]["containers"][0]
        port = container["ports"][0]["containerPort"]
        exposed = manifests.get("Service", name)["spec"]["ports"][0]

        assert environment_of(manifests, container)["TIELINE_HTTP__PORT"] == str(port)
        assert (exposed["port"], exposed["targetPort"]) == (port, "http")


def test_requests_and_limits_are_set(manifests: Manifests) -> None:
    for name, pod in manifests.pods():
        for container in pod["containers"]:
            for amount in ("requests", "limits"):
                assert set(container["resources"][amount]) == {"cpu", "memory"}, name


def test_requests_and_limits_are_those_of_the_page_that_tells_why(production: Manifests) -> None:
    page = (ROOT / "docs" / "sizing.md").read_text()
    told = {row[0]: row[1:] for row in re.findall(r"^\| ([a-z-]+) \|" + r" ([\dA-Za-z]+) \|" * 4, page, re.MULTILINE)}

    for name, workload in production.services.items():
        resources = workload["spec"]["template"]["spec"]["containers"][0]["resources"]
        given = [resources[amount][kind] for amount in ("requests", "limits") for kind in ("cpu", "memory")]
        assert told[ROLES[name]] == tuple(given), name


def test_a_pod_is_given_the_time_that_its_shutdown_may_take(manifests: Manifests) -> None:
    for name, workload in manifests.services.items():
        pod = workload["spec"]["template"]["spec"]
        environment = environment_of(manifests, pod["containers"][0])
        needed = float(environment["TIELINE_HTTP__LINGER"]) + float(environment["TIELINE_HTTP__DRAIN"])

        assert pod["terminationGracePeriodSeconds"] >= needed + GRACEFUL_SECONDS, name


def test_readiness_is_seen_before_the_port_closes(production: Manifests) -> None:
    for workload in production.services.values():
        container = workload["spec"]["template"]["spec"]["containers"][0]
        probe = container["readinessProbe"]
        noticed = probe["periodSeconds"] * probe["failureThreshold"]

        assert float(environment_of(production, container)["TIELINE_HTTP__LINGER"]) > noticed


def test_disruptions_take_one_pod_at_a_time_and_pods_spread(manifests: Manifests) -> None:
    for name, workload in manifests.services.items():
        labels = workload["spec"]["template"]["metadata"]["labels"]
        budget = manifests.get("PodDisruptionBudget", name)["spec"]
        spread = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]

        assert budget["maxUnavailable"] == 1
        assert budget["selector"]["matchLabels"].items() <= labels.items()
        assert {each["topologyKey"] for each in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(each["labelSelector"]["matchLabels"].items() <= labels.items() for each in spread)


def test_every_role_is_scaled_by_exactly_one_autoscaler(manifests: Manifests) -> None:
    targets = [each["spec"]["scaleTargetRef"] for each in manifests.of("HorizontalPodAutoscaler", "ScaledObject")]

    assert sorted(target["name"] for target in targets) == sorted(ROLES)
    for target in targets:
        assert target["kind"] == manifests.services[target["name"]]["kind"]


def test_lag_is_looked_up_for_groups_and_topics_that_exist(production: Manifests) -> None:
    topics = {topic.name: topic for topic in CATALOGUE}
    for scaled in production.of("ScaledObject"):
        (trigger,) = (each for each in scaled["spec"]["triggers"] if each["type"] == "kafka")
        topic = topics[trigger["metadata"]["topic"]]
        role = scaled["metadata"]["name"].removeprefix("tieline-")

        assert f"{trigger['metadata']['consumerGroup']}.dead-letter" in topics
        assert trigger["metadata"]["consumerGroup"].startswith(role)
        assert role in topic.read_by
        assert scaled["spec"]["maxReplicaCount"] <= topic.partitions
        container = production.services[scaled["spec"]["scaleTargetRef"]["name"]]["spec"]["template"]["spec"]
        variable = trigger["metadata"]["bootstrapServersFromEnv"]
        assert variable in environment_of(production, container["containers"][0])


def test_the_spool_survives_its_pod(manifests: Manifests) -> None:
    router = manifests.services["tieline-webhook-router"]
    pod = router["spec"]["template"]["spec"]["containers"][0]
    environment = environment_of(manifests, pod)
    (claim,) = router["spec"]["volumeClaimTemplates"]
    (mount,) = (each for each in pod["volumeMounts"] if each["name"] == claim["metadata"]["name"])

    assert router["kind"] == "StatefulSet"
    assert router["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert environment["TIELINE_WEBHOOKS__SPOOL_DIR"].startswith(mount["mountPath"])
    gibibytes = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
    assert gibibytes * 2**30 >= 2 * int(environment["TIELINE_WEBHOOKS__SPOOL_MAX_BYTES"])


def test_a_job_prepares_topics_and_indexes(manifests: Manifests) -> None:
    job = manifests.get("Job", "tieline-setup")["spec"]["template"]["spec"]

    assert [container["command"] for container in job["containers"]] == [
        ["tieline", "topics", "apply"],
        *(["python", "-m", module, "apply-indexes"] for module in _MODULES.values() if module != "tieline_gateway"),
    ]
    for container in job["containers"][1:]:  # longer than an operation of a running service may take
        assert environment_of(manifests, container)["TIELINE_MONGO__TIMEOUT"] == "PT2H"


def test_an_update_never_leaves_a_role_without_a_ready_pod(production: Manifests) -> None:
    for name, workload in production.services.items():
        assert workload["spec"]["replicas"] >= 2, name
        if workload["kind"] == "Deployment":
            assert workload["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
