"""Metrics as a catalogue: names, units and labels that Prometheus and whoever is on call can rely on."""

from prometheus_client import generate_latest
from promql_parser import parse

from scripts.metrics_table import metrics

_LABELS = {
    "account",
    "change",
    "channel",
    "dependency",
    "group",
    "method",
    "operation",
    "outcome",
    "route",
    "source",
    "state",
    "status",
    "topic",
    "type",
    "what",
}
"""Each takes few values, known beforehand. A new one is argued for here."""


def test_names_say_whose_they_are_and_in_which_unit() -> None:
    for metric in metrics():
        assert metric.name.startswith("tieline_"), metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        if metric.kind == "histogram":
            assert metric.unit or metric.name.endswith("_together"), metric.name


def test_labels_take_few_values() -> None:
    used = {label for metric in metrics() for label in metric.labels}

    assert used <= _LABELS


def test_every_metric_says_what_it_means() -> None:
    assert [metric.name for metric in metrics() if not metric.meaning.endswith(".")] == []


def test_what_operators_ask_for_is_there() -> None:
    names = {metric.name for metric in metrics()}

    assert names >= {
        "tieline_consumer_lag_records",
        "tieline_webhook_answer_seconds",
        "tieline_delivery_age_seconds",
        "tieline_delivery_oldest_pending_seconds",
        "tieline_ledger_unbalanced_workspaces",
        "tieline_spool_bytes",
        "tieline_breakers_destinations",
        "tieline_sync_oldest_progress_seconds",
        "tieline_refresh_failures_total",
        "tieline_dead_letters_total",
    }


def test_names_are_taken_by_prometheus_and_shown() -> None:
    shown = generate_latest().decode()

    for metric in metrics():
        parse(metric.name)
        assert f"# TYPE {metric.name} {metric.kind}" in shown
