"""What stands in front: every public path has a way in, streams flow, and what is for operators stays inside."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tieline.service.health import Health
from tieline.settings import HttpSettings
from tieline_gateway.bootstrap import build_api

from tests.deploy.rendered import K8S, Manifests
from tests.deploy.tools import ROOT

_STREAM = "/integrations/sync/{integration_id}"
_PASSED_ON = {
    "/api/webhooks/sentry": "tieline-webhook-router",
    "/api/webhooks/pagerduty/3f1c": "tieline-webhook-router",
    "/api/events": "tieline-webhook-router",
}

Rule = tuple[str, str, str, dict[str, Any]]
"""How the path is matched, the path, the Service behind it, and what else the rule says."""


def _public_paths() -> list[str]:
    return sorted(build_api().openapi()["paths"])


def _of_gateway_api() -> Iterator[Rule]:
    route = yaml.safe_load((K8S / "components/gateway-api/routes.yaml").read_text())
    for rule in route["spec"]["rules"]:
        for match in rule["matches"]:
            kind = "Prefix" if match["path"]["type"] == "PathPrefix" else "Exact"
            yield kind, match["path"]["value"], rule["backendRefs"][0]["name"], rule


def _of_ingress() -> Iterator[Rule]:
    for ingress in yaml.safe_load_all((K8S / "components/ingress/ingress.yaml").read_text()):
        for path in ingress["spec"]["rules"][0]["http"]["paths"]:
            annotations = ingress["metadata"]["annotations"]
            yield path["pathType"], path["path"], path["backend"]["service"]["name"], annotations


def _of_nginx() -> Iterator[Rule]:
    text = (ROOT / "deploy/compose/nginx.conf").read_text()
    for path, body in re.findall(r"location (/\S*) \{([^}]*)\}", text):
        if "proxy_pass" in body:
            yield "Prefix", path, "tieline-gateway", {"body": body}
    (passed,) = re.findall(r"map \$uri \$service \{([^}]*)\}", text)
    for pattern, service in re.findall(r"(\S+)\s+([a-z-]+):\d+;", passed):
        if pattern != "default":
            prefix = pattern.removeprefix("~^").removesuffix("(/|$)")
            yield "Prefix" if pattern.startswith("~") else "Exact", prefix, f"tieline-{service}", {}


_FRONTS = {"gateway-api": _of_gateway_api, "ingress": _of_ingress, "nginx": _of_nginx}


def _behind(rules: list[Rule], path: str) -> Rule | None:
    """Return the rule that takes `path`: an exact one, else the longest prefix, by whole segments."""
    exact = [rule for rule in rules if rule[0] == "Exact" and rule[1] == path]
    prefixes = [rule for rule in rules if rule[0] == "Prefix" and f"{path}/".startswith(f"{rule[1]}/")]
    return next(iter(exact), None) or max(prefixes, key=lambda rule: len(rule[1]), default=None)


@pytest.fixture(params=_FRONTS)
def rules(request: pytest.FixtureRequest) -> list[Rule]:
    return list(_FRONTS[request.param]())


def test_every_path_of_the_gateway_has_a_way_in(rules: list[Rule]) -> None:
    paths = _public_paths()

    led_astray = [path for path in paths if (rule := _behind(rules, path)) is None or rule[2] != "tieline-gateway"]

    assert len(paths) > 20
    assert led_astray == []


@pytest.mark.parametrize(("path", "service"), _PASSED_ON.items())
def test_webhooks_and_events_go_straight_to_the_router(rules: list[Rule], path: str, service: str) -> None:
    rule = _behind(rules, path)

    assert rule is not None
    assert rule[2] == service


def test_health_metrics_and_internal_paths_stay_inside(rules: list[Rule]) -> None:
    inside = [route.path for route in Health({}).routes()] + ["/internal/credentials/open", "/docs", "/openapi.json"]

    assert [path for path in inside if _behind(rules, path) is not None] == []


@pytest.mark.parametrize("front", _FRONTS)
def test_streams_are_neither_held_back_nor_cut(front: str) -> None:
    assert _STREAM in _public_paths()
    rule = _behind(list(_FRONTS[front]()), _STREAM)
    assert rule is not None

    said = rule[3]

    if front == "gateway-api":
        assert said["timeouts"]["request"] == "0s"  # none
    elif front == "ingress":
        assert said["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
        assert int(said["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= 600
    else:
        assert "proxy_buffering off;" in said["body"]
        assert "proxy_read_timeout 1h;" in said["body"]


def test_fronts_let_bodies_pass_that_the_services_refuse_in_their_own_words() -> None:
    ours = HttpSettings().max_body_bytes
    limits = [rule[3]["nginx.ingress.kubernetes.io/proxy-body-size"] for rule in _of_ingress()]
    limits += re.findall(r"client_max_body_size (\w+);", (ROOT / "deploy/compose/nginx.conf").read_text())

    assert limits
    assert all(int(limit.removesuffix("m")) * 2**20 > ours for limit in limits)


def test_the_services_behind_exist(production: Manifests) -> None:
    for front in _FRONTS.values():
        for _, _, service, _ in front():
            assert production.get("Service", service)["spec"]["ports"][0]["name"] == "http"
