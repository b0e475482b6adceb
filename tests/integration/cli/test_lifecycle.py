"""A stack's life: it comes up whole, keeps its data, and leaves nothing behind however it ends."""

import signal
from dataclasses import asdict
from pathlib import Path

import httpx2
import pytest
from tieline_cli.demo.samples import sentry_issue
from tieline_cli.stack.endpoints import Endpoints

from tests.support.stacks import Stack, until

pytestmark = pytest.mark.e2e

_WEBHOOK_SECRET = "a-secret-for-webhooks"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A folder with no stack in it yet."""
    return Stack(tmp_path / "stack")


def test_a_stack_in_the_background_keeps_its_data_over_down_and_up(stack: Stack) -> None:
    came_up = stack.run("up", "--detach")
    assert came_up.returncode == 0, came_up.stdout + came_up.stderr
    first = stack.endpoints
    assert all(
        asdict(first)[part] for part in ("gateway", "webhook_router", "registry", "sync_worker", "kafka", "mongo")
    )
    assert first.org == "org-acme-corp"
    assert {"slack", "discord", "servicenow", "pagerduty"} <= set(first.simulators)
    assert first.gateway in came_up.stdout
    assert first.api_key in came_up.stdout
    assert stack.run("status").returncode == 0
    saved = _save_integration(first)
    _route_sentry_to_slack(first)

    again = stack.run("up", "--detach")
    assert again.returncode == 0
    assert "running" in again.stdout
    assert stack.endpoints == first

    went_down = stack.run("down")
    assert went_down.returncode == 0, went_down.stderr
    assert stack.processes() == {}

    assert stack.run("up", "--detach").returncode == 0
    second = stack.endpoints
    assert (second.workspace_id, second.api_key) == (first.workspace_id, first.api_key)
    assert saved in _integration_ids(second)
    assert _post_sentry_webhook(second).json()["routed"] is True
    assert stack.run("down").returncode == 0
    assert stack.processes() == {}


def test_two_stacks_run_side_by_side_and_end_apart_by_ctrl_c_and_by_a_service_that_dies(tmp_path: Path) -> None:
    one, two = Stack(tmp_path / "one"), Stack(tmp_path / "two")
    two.port_base = one.port_base + 25

    with one.up() as first, two.up("--no-simulators") as second:
        assert one.endpoints.api_key != two.endpoints.api_key
        assert _save_integration(one.endpoints) not in _integration_ids(two.endpoints)
        assert two.endpoints.simulators == {}

        first.send_signal(signal.SIGINT)
        output, _ = first.communicate(timeout=60)
        assert first.returncode == 0, output
        assert one.processes() == {}
        assert _integration_ids(two.endpoints) == set()

        two.state.children["registry"].send(signal.SIGKILL)
        output, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "registry stopped with signal 9 while running" in output
        assert str(two.folder.log_of("registry")) in output
        assert two.processes() == {}
        assert not two.folder.endpoints.exists()


def test_ctrl_c_during_the_start_leaves_nothing_running(stack: Stack) -> None:
    with stack.starting("--no-simulators") as up:
        until(lambda: stack.folder.state.exists() and "mongo" in stack.state.children)
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)

    assert up.returncode == 130
    assert stack.processes() == {}
    assert not stack.folder.state.exists()


def test_a_killed_supervisor_leaves_nothing_that_down_and_up_do_not_clear(stack: Stack) -> None:
    with stack.up("--no-simulators"):
        state = stack.state
        first = stack.endpoints
        state.supervisor.send(signal.SIGKILL)
        until(lambda: not state.leftovers(), seconds=30)
    assert stack.processes() == {}
    assert stack.run("status").returncode == 1

    assert stack.run("down").returncode == 0
    assert not stack.folder.state.exists()

    with stack.up("--no-simulators"):
        assert stack.endpoints.api_key == first.api_key
        assert _integration_ids(stack.endpoints) == set()


def _save_integration(endpoints: Endpoints) -> str:
    body = {"name": "Production Sentry", "integration_type": "sentry", "auth_data": {"access_token": "t"}}
    headers = {"x-api-key": endpoints.api_key}
    answer = httpx2.post(f"{endpoints.gateway}/api/v2/integrations/save", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["integration_id"])


def _route_sentry_to_slack(endpoints: Endpoints) -> None:
    configuration = {"integration": "sentry", "config": {"webhookSecret": _WEBHOOK_SECRET}}
    route = {"eventType": "sentry.*", "channel": "slack", "channelId": "C0ERRORS"}
    for path, body in (("/api/integrations/configure", configuration), ("/api/channel-routes", route)):
        headers = {"x-api-key": endpoints.api_key, "x-org-id": endpoints.org}
        answer = httpx2.post(endpoints.gateway + path, json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text


def _post_sentry_webhook(endpoints: Endpoints) -> httpx2.Response:
    webhook = sentry_issue("1234567890abcdef", _WEBHOOK_SECRET)
    headers = {**webhook.headers, "x-org-id": endpoints.org}
    return httpx2.post(f"{endpoints.gateway}/api/webhooks/sentry", content=webhook.body, headers=headers, timeout=30)


def _integration_ids(endpoints: Endpoints) -> set[str]:
    headers = {"authorization": f"Bearer {endpoints.api_key}"}
    answer = httpx2.get(f"{endpoints.gateway}/integrations/all", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return {integration["id"] for integration in answer.json()["integrations"]}
