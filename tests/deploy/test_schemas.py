"""A cluster would take every resource: Kubernetes' own and those of operators, each by its published schema."""

import json
import subprocess
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, validate

from tests.deploy.rendered import K8S, Manifests
from tests.deploy.tools import HERE, node_modules

KUBERNETES = "1.37"
_CUSTOM = ("external-secrets.io/", "gateway.networking.k8s.io/", "keda.sh/", "monitoring.coreos.com/")


def _is_custom(resource: dict[str, Any]) -> bool:
    return str(resource["apiVersion"]).startswith(_CUSTOM)


def _of_components() -> list[dict[str, Any]]:
    """Return what components bring, also those that no overlay takes."""
    files = sorted(K8S.glob("components/*/*.yaml"))
    found = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each]
    return [each for each in found if not each["apiVersion"].startswith("kustomize.config.k8s.io/")]


def test_kubernetes_takes_its_own_resources(manifests: Manifests) -> None:
    built_in = [each for each in manifests.all if not _is_custom(each)]

    for each in built_in:
        validate(each, KUBERNETES, strict=True)

    assert len(built_in) > 20


def test_kubernetes_takes_what_components_bring() -> None:
    for each in _of_components():
        if not _is_custom(each):
            validate(each, KUBERNETES, strict=True)


def test_a_wrong_field_is_noticed(local: Manifests) -> None:
    wrong = {**local.of("Deployment")[0], "spek": {}}

    with pytest.raises(ValidationError):
        validate(wrong, KUBERNETES, strict=True)


def test_operators_take_their_resources(production: Manifests) -> None:
    node_modules()
    custom = [each for each in [*production.all, *_of_components()] if _is_custom(each)]

    refused = _refused(custom)

    assert {each["kind"] for each in custom} >= {"ExternalSecret", "HTTPRoute", "ScaledObject", "ServiceMonitor"}
    assert refused == ""


def test_a_wrong_custom_resource_is_noticed(production: Manifests) -> None:
    node_modules()
    scaled = production.of("ScaledObject")[0]

    refused = _refused([{**scaled, "spec": {**scaled["spec"], "minReplicaCount": "two"}}])

    assert "minReplicaCount" in refused


def _refused(resources: list[dict[str, Any]]) -> str:
    checked = subprocess.run(
        ["node", str(HERE / "crds" / "validate.mjs")],
        input=json.dumps(resources),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return checked.stdout
