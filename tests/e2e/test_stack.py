"""The house as a whole: what `make demo` shows, and what operators look at."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from tieline_cli.demo.gateway import Gateway
from tieline_cli.stack.endpoints import Endpoints

from tests.e2e.conftest import E2E_TOPICS
from tests.support.stacks import Stack

pytestmark = pytest.mark.e2e

_SERVICES_BY_NAME = ("gateway", "registry", "sync-worker", "webhook-router")
_SERVICES = ("gateway", "webhook_router", "registry", "sync_worker")


def test_the_demo_does_the_main_job_and_leaves_nothing_running(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "demo")

    answer = stack.run("demo")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "All of it happened" in answer.stdout
    assert "✗" not in answer.stdout
    assert stack.processes() == {}


@pytest.mark.parametrize("service", _SERVICES)
def test_every_service_says_that_it_lives_is_ready_and_how_it_does(shared_stack: Endpoints, service: str) -> None:
    address = getattr(shared_stack, service)

    assert httpx2.get(f"{address}/healthz").status_code == 200
    assert httpx2.get(f"{address}/readyz").status_code == 200
    assert "# TYPE" in httpx2.get(f"{address}/metrics").text


def test_servers_of_yours_are_used_instead_of_embedded_ones(
    shared_stack: Endpoints, kafka_server: str, mongo_server: str
) -> None:
    assert (shared_stack.kafka, shared_stack.mongo) == (kafka_server, mongo_server)


def test_webhooks_without_a_signature_are_refused_at_the_gateways_address(gateway: Gateway) -> None:
    answer = gateway.webhook("sentry", b'{"action":"created","data":{}}', {})

    assert answer.status == 401


def test_operators_create_workspaces_whose_keys_stay_inside_them(
    shared_stack: Endpoints, gateway: Gateway, tmp_path: Path
) -> None:
    kafka = {"TIELINE_KAFKA__BOOTSTRAP_SERVERS": shared_stack.kafka, "TIELINE_KAFKA__TOPIC_PREFIX": E2E_TOPICS}
    operator = Stack(tmp_path, **kafka)

    first = operator.run("workspaces", "create", "org-globex")
    again = operator.run("workspaces", "create", "org-globex")
    another = operator.run("workspaces", "create", "org-globex", "--new-key")

    keys = [answer.stdout.split()[-1] for answer in (first, another)]
    assert "there already" in again.stdout
    for key in keys:
        assert gateway.try_call("C", "GET", "/api/integrations/status", api_key=key, org="org-globex").status == 200
        assert gateway.try_call("C", "GET", "/api/integrations/status", api_key=key).status == 403


def test_the_doctor_finds_nothing_wrong_with_what_runs(
    shared_stack: Endpoints, stack_environment: dict[str, str]
) -> None:
    internal = {
        "TIELINE_INTERNAL__REGISTRY_URL": shared_stack.registry,
        "TIELINE_INTERNAL__SYNC_WORKER_URL": shared_stack.sync_worker,
        "TIELINE_INTERNAL__WEBHOOK_ROUTER_URL": shared_stack.webhook_router,
    }

    answer = subprocess.run(
        [sys.executable, "-m", "tieline_cli", "doctor", "--json", "--gateway", shared_stack.gateway],
        env={**os.environ, **stack_environment, **internal},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    found = json.loads(answer.stdout)
    assert answer.returncode == 0, [finding for finding in found if finding["verdict"] == "bad"]
    assert {"Kafka", "topics", "MongoDB", "indexes", "clock", *_SERVICES_BY_NAME} <= {
        finding["about"] for finding in found if finding["verdict"] == "good"
    }
