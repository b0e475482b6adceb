"""Who may talk to whom: worked out from the policies as a cluster would, and compared with the arrows of the design."""

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.rendered import ROLES, Manifests

_ARROWS = {
    ("tieline-gateway", "tieline-registry"),
    ("tieline-gateway", "tieline-sync-worker"),
    ("tieline-gateway", "tieline-webhook-router"),
    ("tieline-sync-worker", "tieline-registry"),
    ("tieline-webhook-router", "tieline-registry"),
    ("tieline-webhook-router", "tieline-sync-worker"),  # how calls to channels went, for the health of integrations
}
_WITH_DATABASE = {"tieline-registry", "tieline-sync-worker", "tieline-webhook-router", "tieline-setup", "tieline-tools"}
_EDGE = {"tieline/edge": "true"}


class _Network:
    """What the policies of one rendering allow."""

    def __init__(self, manifests: Manifests) -> None:
        self._policies = [each["spec"] for each in manifests.of("NetworkPolicy")]
        self.pods = {
            each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
            for each in manifests.of("Deployment", "StatefulSet", "Job")
        }
        self._ports = {
            each["metadata"]["name"]: {
                port["name"]: port["containerPort"]
                for port in each["spec"]["template"]["spec"]["containers"][0].get("ports", [])
            }
            for each in manifests.of("Deployment", "StatefulSet", "Job")
        }

    def pairs(self) -> set[tuple[str, str]]:
        """Return every pod that may open a connection to another workload's pod."""
        return {
            (source, target)
            for source in self.pods
            for target in self.pods
            if source != target and self._leaves(source, target) and self._enters(source, target)
        }

    def _leaves(self, source: str, target: str) -> bool:
        rules = self._rules(self.pods[source], "Egress")
        return any(
            self._names(peer, self.pods[target]) and self._has_port(rule, target)
            for rule in rules
            for peer in rule["to"]
        )

    def _enters(self, source: str, target: str) -> bool:
        rules = self._rules(self.pods[target], "Ingress")
        return any(
            self._names(peer, self.pods[source]) and self._has_port(rule, target)
            for rule in rules
            for peer in rule["from"]
        )

    def namespaces_that_enter(self, target: str) -> list[dict[str, str]]:
        """Return the labels of other namespaces whose pods may connect to a workload."""
        return [
            peer["namespaceSelector"]["matchLabels"]
            for rule in self._rules(self.pods[target], "Ingress")
            for peer in rule["from"]
            if "namespaceSelector" in peer
        ]

    def blocks_that(self, source: str) -> Iterator[tuple[dict[str, Any], list[int]]]:
        """Yield the address blocks, with ports, that a workload may connect to."""
        for rule in self._rules(self.pods[source], "Egress"):
            for peer in rule["to"]:
                if "ipBlock" in peer:
                    yield peer["ipBlock"], [port["port"] for port in rule["ports"]]

    def _rules(self, labels: dict[str, str], direction: str) -> list[dict[str, Any]]:
        return [
            rule
            for policy in self._policies
            if direction in policy["policyTypes"] and _selects(policy["podSelector"], labels)
            for rule in policy.get(direction.lower(), [])
        ]

    def _names(self, peer: dict[str, Any], labels: dict[str, str]) -> bool:
        return "podSelector" in peer and "namespaceSelector" not in peer and _selects(peer["podSelector"], labels)

    def _has_port(self, rule: dict[str, Any], target: str) -> bool:
        known = self._ports[target]
        return any(port["port"] in {*known, *known.values()} for port in rule["ports"])


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])
    )


def test_nothing_is_allowed_that_no_policy_names(manifests: Manifests) -> None:
    everything = [each["spec"] for each in manifests.of("NetworkPolicy") if each["spec"]["podSelector"] == {}]

    assert everything == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]


def test_services_reach_each_other_along_the_arrows_of_the_design_only(manifests: Manifests) -> None:
    pairs = {pair for pair in _Network(manifests).pairs() if set(pair) <= set(ROLES)}

    assert pairs == _ARROWS


def test_operators_reach_every_service_from_their_pod_and_nobody_reaches_that(manifests: Manifests) -> None:
    pairs = _Network(manifests).pairs()

    assert {target for source, target in pairs if source == "tieline-tools"} >= set(ROLES)
    assert {source for source, target in pairs if target == "tieline-tools"} == set()


def test_in_the_local_cluster_only_those_with_data_reach_the_database(local: Manifests) -> None:
    pairs = _Network(local).pairs()

    assert {source for source, target in pairs if target == "mongo"} == _WITH_DATABASE
    assert {source for source, target in pairs if target == "kafka"} == {*ROLES, "tieline-setup", "tieline-tools"}
    assert {source for source, _ in pairs if source in {"kafka", "mongo"}} == set()


def test_external_stores_are_reached_by_those_who_need_them(production: Manifests) -> None:
    network = _Network(production)
    reached = {name: {port for _, ports in network.blocks_that(name) for port in ports} for name in network.pods}

    assert {name for name, ports in reached.items() if 27017 in ports} == _WITH_DATABASE
    assert {name for name, ports in reached.items() if 9093 in ports} == {*ROLES, "tieline-setup", "tieline-tools"}


def test_the_edge_reaches_what_faces_the_internet_and_prometheus_the_metrics(production: Manifests) -> None:
    network = _Network(production)
    monitoring = {"kubernetes.io/metadata.name": "monitoring"}

    for name in ROLES:
        expected = [_EDGE] if name in {"tieline-gateway", "tieline-webhook-router"} else []
        entering = network.namespaces_that_enter(name)
        assert [each for each in entering if each != monitoring] == expected, name
        assert monitoring in entering, name


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.4.4", "192.168.1.1", "127.0.0.1", "169.254.169.254"])
def test_calls_to_providers_leave_for_the_internet_only(manifests: Manifests, address: str) -> None:
    network = _Network(manifests)
    open_to = {name: [block for block, ports in network.blocks_that(name) if 443 in ports] for name in network.pods}

    assert {name for name, blocks in open_to.items() if blocks} == {"tieline-sync-worker", "tieline-webhook-router"}
    for blocks in open_to.values():
        assert not any(_contains(block, ipaddress.ip_address(address)) for block in blocks)


def _contains(block: dict[str, Any], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inside = address in ipaddress.ip_network(block["cidr"])
    return inside and not any(address in ipaddress.ip_network(each) for each in block.get("except", []))
