"""Manifests as a cluster would get them, and how to find one's way in them."""

import functools
import subprocess
from collections.abc import Iterator
from typing import Any

import yaml

from tests.deploy.tools import ROOT, kustomize

K8S = ROOT / "deploy" / "k8s"
ROLES = {
    "tieline-gateway": "gateway",
    "tieline-registry": "registry",
    "tieline-sync-worker": "sync-worker",
    "tieline-webhook-router": "webhook-router",
}
"""What a role is called in the cluster, and among the settings."""

Resource = dict[str, Any]


class Manifests:
    """One rendering."""

    def __init__(self, resources: list[Resource]) -> None:
        self.all = resources

    def of(self, *kinds: str) -> list[Resource]:
        """Return the resources of these kinds."""
        return [each for each in self.all if each["kind"] in kinds]

    def get(self, kind: str, name: str) -> Resource:
        """Return one resource; names that kustomize gave a hash are found without it."""
        found = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        found = found or [each for each in self.of(kind) if each["metadata"]["name"].rpartition("-")[0] == name]
        assert len(found) == 1, f"{len(found)} resources are called {kind}/{name}"
        return found[0]

    @property
    def services(self) -> dict[str, Resource]:
        """The workloads of the four roles by their names."""
        return {each["metadata"]["name"]: each for each in self.of("Deployment", "StatefulSet") if _name(each) in ROLES}

    def pods(self) -> Iterator[tuple[str, Resource]]:
        """Yield the name of every workload with the spec of its pods."""
        for each in self.of("Deployment", "StatefulSet", "Job"):
            yield _name(each), each["spec"]["template"]["spec"]

    def own_pods(self) -> Iterator[tuple[str, Resource]]:
        """Yield the same for what runs our image."""
        for name, pod in self.pods():
            if name.startswith("tieline-"):
                yield name, pod


@functools.cache
def render(folder: str) -> Manifests:
    """Return what a folder below deploy/k8s renders to; skips the test when nothing here can render."""
    rendered = subprocess.run(
        [*kustomize(), str(K8S / folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert rendered.returncode == 0, rendered.stderr
    return Manifests([each for each in yaml.safe_load_all(rendered.stdout) if each])


def environment_of(manifests: Manifests, container: Resource) -> dict[str, Any]:
    """Return what a container's environment holds: values, or where they come from."""
    found: dict[str, Any] = {}
    for source in container.get("envFrom", []):
        found |= manifests.get("ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", []):
        found[variable["name"]] = variable.get("value", variable.get("valueFrom"))
    return found


def _name(resource: Resource) -> str:
    return str(resource["metadata"]["name"])
