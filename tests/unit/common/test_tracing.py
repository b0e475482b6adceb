"""Traces as `OTEL_*` asks for them: nothing at all, a sample, or everything. Each case is a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.otlp import Collector, collecting

_PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"
_SAMPLED, _UNSAMPLED = (f"00-{_PARENT}-00f067aa0ba902b7-{flags}" for flags in ("01", "00"))

_REQUEST = """
import asyncio, json, logging, sys
from tieline.observability import http, logs, mongo, tracing

tracing.configure_tracing("tests")
told = {}

async def app(scope, receive, send):
    with tracing.producer_span("tieline.events.v1") as producer:
        told["recorded"] = producer.is_recording()
        record = logging.LogRecord("tests", logging.INFO, "", 0, "", (), None)
        told["logged"] = json.loads(logs.JsonFormatter("tests").format(record)).get("trace_id")
        told["kafka"] = tracing.with_trace_headers([("ce_id", b"1")])[1:]
    await send({"type": "http.response.start", "status": 200, "headers": []})

async def send(message):
    pass

headers = [(b"host", b"localhost"), (b"baggage", b"user=someone")]
headers += [(b"traceparent", parent.encode()) for parent in sys.argv[2:]]
scope = {"type": "http", "method": "POST", "path": "/api/webhooks/sentry", "headers": headers}
served = http.traced(app)
recorded = 0
for _ in range(int(sys.argv[1])):
    asyncio.run(served(scope, None, send))
    recorded += told["recorded"]
told["times"] = recorded
tracing.flush_traces()
told["wrapped"] = served is not app
told["listeners"] = len(mongo.command_listeners())
told["sdk"] = "opentelemetry.sdk" in sys.modules
told["shared"] = tracing.span("one") is tracing.client_span("another")
told["kafka"] = {name: value.decode() for name, value in told["kafka"]}
print(json.dumps(told))
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def _request(*traceparent: str, times: int = 1, **environment: Any) -> dict[str, Any]:
    """Serve a request so many times in a process with these variables; return what it told."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    ended = subprocess.run(
        [sys.executable, "-c", _REQUEST, str(times), *traceparent],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_set_up_when_no_traces_are_wanted(environment: dict[str, Any]) -> None:
    told = _request(_SAMPLED, **environment)

    assert (told.pop("times"), told.pop("logged")) == (0, None)
    assert told == {"recorded": False, "kafka": {}, "wrapped": False, "listeners": 0, "sdk": False, "shared": True}


def test_a_request_and_what_it_sends_are_one_trace(collector: Collector) -> None:
    told = _request(OTEL_EXPORTER_OTLP_ENDPOINT=collector.address)

    server, producer = sorted(collector.all(), key=lambda span: span.kind.value)
    assert (server.parent_id, producer.parent_id) == ("", server.span_id)
    assert told["kafka"]["traceparent"].startswith(f"00-{server.trace_id}-{producer.span_id}-0")
    assert server.service == "tieline-tests"


def test_a_trace_that_came_goes_on_and_baggage_does_not(collector: Collector) -> None:
    told = _request(_SAMPLED, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address)

    assert {span.trace_id for span in collector.all()} == {_PARENT}
    assert set(told["kafka"]) == {"traceparent"}


@pytest.mark.parametrize("ratio", ["0", "1", "0.5"])
def test_a_ratio_of_the_traces_is_recorded_whole_and_the_rest_not_at_all(collector: Collector, ratio: str) -> None:
    told = _request(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
        OTEL_TRACES_SAMPLER="parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG=ratio,
    )

    _, trace_id, span_id, flags = told["kafka"]["traceparent"].split("-")
    sampled = int(trace_id[16:], 16) < float(ratio) * 2**64  # as every implementation of the ratio decides
    assert told["recorded"] is sampled
    assert bool(int(flags, 16) & 1) is sampled
    assert len(collector.all()) == (2 if sampled else 0)
    assert {span.trace_id for span in collector.all()} <= {trace_id}
    assert told["logged"] == trace_id
    assert int(span_id, 16)


def test_the_ratio_is_what_it_says(collector: Collector) -> None:
    told = _request(
        times=400,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
        OTEL_TRACES_SAMPLER="parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG="0.5",
    )

    assert 140 < told["times"] < 260  # six standard deviations
    assert len(collector.all()) == 2 * told["times"]


def test_a_trace_that_is_not_sampled_is_passed_on_and_not_recorded(collector: Collector) -> None:
    told = _request(_UNSAMPLED, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address)

    assert told["kafka"]["traceparent"].split("-")[1] == _PARENT
    assert told["kafka"]["traceparent"].endswith("-00")
    assert collector.all() == []


def test_a_sampler_that_does_not_ask_the_parent_is_asked(collector: Collector) -> None:
    told = _request(_UNSAMPLED, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, OTEL_TRACES_SAMPLER="always_on")

    assert told["recorded"] is True
    assert {span.trace_id for span in collector.all()} == {_PARENT}
