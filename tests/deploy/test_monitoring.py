"""Alerts and dashboards ask for metrics and labels that the services tell, in expressions that Prometheus takes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from promql_parser import parse

from scripts.metrics_table import Metric, metrics
from tests.deploy.rendered import K8S, Manifests
from tests.deploy.tools import ROOT

_MONITORING = K8S / "components" / "monitoring"
_OF_THE_CLUSTER = {"job", "namespace", "pod", "le"}
_SUFFIXES = ("_bucket", "_count", "_sum")


def _rules() -> list[dict[str, Any]]:
    resource = yaml.safe_load((_MONITORING / "alerts.yaml").read_text())
    return [rule for group in resource["spec"]["groups"] for rule in group["rules"]]


def _of_dashboards() -> Iterator[str]:
    for file in sorted(_MONITORING.glob("dashboards/*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


_EXPRESSIONS = [*(rule["expr"] for rule in _rules()), *_of_dashboards()]


def _known() -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for metric in metrics():
        names = [metric.name + suffix for suffix in _SUFFIXES] if metric.kind == "histogram" else [metric.name]
        found |= dict.fromkeys(names, metric)
    return found


@pytest.mark.parametrize("expression", _EXPRESSIONS)
def test_prometheus_takes_the_expression(expression: str) -> None:
    parse(expression)


@pytest.mark.parametrize("expression", _EXPRESSIONS)
def test_it_asks_for_metrics_and_labels_that_there_are(expression: str) -> None:
    known = _known()
    asked = re.findall(r"(tieline_\w+)(?:\{([^}]*)\})?", expression)
    grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}

    told = {label for name, _ in asked for label in known[name].labels}

    assert asked
    for name, matchers in asked:
        assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= set(known[name].labels), name
    assert grouped <= told | _OF_THE_CLUSTER


def test_alerts_say_how_bad_it_is_and_what_to_do() -> None:
    for rule in _rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert (ROOT / rule["annotations"]["runbook"]).is_file(), rule["alert"]


def test_names_in_summaries_are_labels_of_the_result() -> None:
    for rule in _rules():
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        kept = {label.strip() for by in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in by.split(",")}

        assert used <= kept, rule["alert"]


def test_prometheus_finds_every_service(production: Manifests) -> None:
    monitor = production.get("ServiceMonitor", "tieline")["spec"]
    (endpoint,) = monitor["endpoints"]
    wanted = monitor["selector"]["matchLabels"].items()

    found = [each for each in production.of("Service") if wanted <= each["metadata"]["labels"].items()]

    assert {each["metadata"]["name"] for each in found} == set(production.services)
    assert all(each["spec"]["ports"][0]["name"] == endpoint["port"] for each in found)


def test_grafana_finds_the_dashboards(production: Manifests) -> None:
    dashboards = production.get("ConfigMap", "tieline-dashboards")

    titles = {json.loads(text)["title"] for text in dashboards["data"].values()}

    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert titles == {"Tieline: services", "Tieline: webhooks and deliveries"}


def test_the_outcomes_that_alerts_look_for_are_ones_that_webhooks_have() -> None:
    source = "\n".join(
        path.read_text() for path in (ROOT / "services/webhook-router/src/tieline_webhooks").rglob("*.py")
    )
    looked_for = re.findall(r'tieline_webhooks_received_total\{outcome=~"([^"]+)"', "\n".join(_EXPRESSIONS))

    outcomes = {outcome for each in looked_for for outcome in each.split("|")}

    assert len(outcomes) > 5
    assert [outcome for outcome in sorted(outcomes) if f'"{outcome}"' not in source] == []
