"""Routes and deliveries as their users meet them: the public API, the command `tieline`, stand-ins for the channels."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tieline_cli.demo.gateway import Gateway
from tieline_cli.stack.endpoints import Endpoints

from tests.e2e.conftest import E2E_TOPICS
from tests.support.stacks import Stack, until

pytestmark = pytest.mark.e2e

SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Workspace:
    """A workspace of its own, a client with its key, and the command with that key in its environment."""

    gateway: Gateway
    command: Stack
    at: Endpoints

    def call(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        return self.gateway.call("C", method, path, body=body, expect=expect).body

    def own(self, method: str, path: str, body: Any = None) -> Any:
        return self.gateway.call("E", method, f"/v1/{self.gateway.workspace_id}{path}", body=body).body

    def route(self, **fields: Any) -> dict[str, Any]:
        created: dict[str, Any] = self.call("POST", "/api/channel-routes", fields)
        return created

    def emit(self, kind: str, number: int, **facts: Any) -> None:
        event = {"specversion": "1.0", "id": f"e-{number}", "source": "/services/deployer", "type": kind, **facts}
        key = self.command.environment["TIELINE_API_KEY"]
        headers = {"content-type": "application/cloudevents+json", "authorization": f"Bearer {key}"}
        answer = httpx2.post(f"{self.at.gateway}/api/events", content=json.dumps(event), headers=headers)
        assert answer.status_code == 200, answer.text

    def books(self) -> dict[str, Any]:
        found: dict[str, Any] = self.own("GET", "/ledger")
        return found

    def tieline(self, *words: str, expect: int = 0) -> str:
        answer = self.command.run(*words)
        assert answer.returncode == expect, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def workspace(shared_stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with Slack and a service of its own as channels."""
    folder = tmp_path_factory.mktemp("operator")
    slug = f"org-{uuid.uuid4().hex[:8]}"
    kafka = {"TIELINE_KAFKA__BOOTSTRAP_SERVERS": shared_stack.kafka, "TIELINE_KAFKA__TOPIC_PREFIX": E2E_TOPICS}
    made = Stack(folder, **kafka).run("workspaces", "create", slug).stdout.split()
    workspace_id, key = made[made.index(slug) + 1].strip("()"), made[-1]
    access = {"TIELINE_GATEWAY_URL": shared_stack.gateway, "TIELINE_API_KEY": key, "TIELINE_WORKSPACE": slug}
    gateway = Gateway(shared_stack.gateway, org=slug, workspace_id=workspace_id, api_key=key)
    here = Workspace(gateway, Stack(folder, **access), shared_stack)
    configure = "/api/integrations/configure"
    slack = {"botToken": "xoxb-e2e", "baseUrl": shared_stack.simulators["slack"]}
    here.call("POST", configure, {"integration": "slack", "config": slack})
    here.call("POST", configure, {"integration": "webhook", "config": {"webhookSecret": SIGNING_SECRET}})
    yield here
    gateway.close()


def test_one_event_goes_to_several_channels_and_what_is_parked_or_missed_is_sent_by_command(
    workspace: Workspace,
) -> None:
    channel = f"C0{uuid.uuid4().hex[:8].upper()}"
    hook = f"{workspace.at.simulators['webhook']}/hooks/{channel}"
    loud = workspace.route(eventType="deploy.*", channel="slack", channelId=channel)
    service = workspace.route(eventType="deploy.*", channel="webhook", channelId=hook)
    quiet = workspace.route(eventType="deploy.*", channel="slack", channelId=f"{channel}Q", projectId="storefront")
    picky = workspace.route(
        eventType="deploy.*", channel="slack", channelId=f"{channel}P", filter={"seconds": [{"numeric": [">", 60]}]}
    )
    workspace.call("PATCH", f"/api/channel-routes/{quiet['id']}", {"enabled": False})
    sketch = {"eventType": "deploy.finished", "project": "storefront", "data": {"seconds": 41}}
    wanted = {
        loud["id"]: "matched", service["id"]: "matched", quiet["id"]: "disabled", picky["id"]: "filtered",
    }  # fmt: skip
    until(lambda: _verdicts(workspace, sketch) == wanted)

    for number in range(3):
        workspace.emit("deploy.finished", number, project="storefront", data={"seconds": 41})
    until(lambda: (books := workspace.books())["delivered"] == 6 and books["parked"] == 3)

    listed = json.loads(workspace.tieline("deliveries", "list", "--state", "parked", "--json"))
    assert {(each["routeId"], each["reason"]) for each in listed} == {(quiet["id"], "route_disabled")}
    assert "0 of" not in workspace.tieline("deliveries", "release", "--type", "deploy.fin*", "--yes")
    until(lambda: workspace.books()["delivered"] == 9)
    assert "There are none" in workspace.tieline("deliveries", "release", "--reason", "route_disabled", "--yes")
    workspace.tieline("deliveries", "replay", "--since", "1h", "--route", loud["id"], "--yes")
    until(lambda: len(_in_slack(workspace, channel)) == 6)
    workspace.tieline("deliveries", "replay", listed[0]["id"])
    until(lambda: len(_in_slack(workspace, f"{channel}Q")) == 4)
    until(lambda: workspace.books()["pending"] == 0)

    assert len(_received(workspace, f"/hooks/{channel}")) == 3
    assert _in_slack(workspace, f"{channel}P") == []
    assert "They balance." in workspace.tieline("ledger")
    shown = workspace.tieline("deliveries", "show", listed[0]["id"])
    assert f"slack {channel}Q" in shown
    assert shown.count(" ms") == 2


def test_a_new_route_is_tried_on_the_past_before_it_is_saved(workspace: Workspace) -> None:
    for number in range(4):
        workspace.emit("release.cut", 100 + number, data={"major": number % 2})
    until(lambda: workspace.call("POST", "/api/channel-routes/what-if", {"eventType": "release.*"})["matched"] == 4)

    major = {"eventType": "release.*", "filter": {"major": [1]}, "days": 2}
    answer = workspace.call("POST", "/api/channel-routes/what-if", major)

    assert (answer["matched"], answer["byType"]) == (2, {"release.cut": 2})
    assert workspace.call("GET", "/api/channel-routes")["routes"] != []
    assert not any(each["eventType"] == "release.*" for each in workspace.call("GET", "/api/channel-routes")["routes"])


def test_commands_say_what_they_lack(workspace: Workspace, tmp_path: Path) -> None:
    nowhere = Stack(tmp_path).run("ledger")
    half = Stack(tmp_path, TIELINE_GATEWAY_URL=workspace.at.gateway).run("ledger")
    stranger = {**workspace.command.environment, "TIELINE_API_KEY": "tl_nobody"}

    assert "start a local stack" in nowhere.stderr
    assert "TIELINE_API_KEY" in half.stderr
    assert "answered 401" in Stack(tmp_path, **stranger).run("ledger").stderr
    assert "say which deliveries" in workspace.tieline("deliveries", "replay", expect=1)
    assert "is no time" in workspace.tieline("deliveries", "list", "--since", "yesterday", expect=1)
    assert "answered 400" in workspace.tieline("deliveries", "list", "--type", "a..b", expect=1)
    assert "answered 404" in workspace.tieline("deliveries", "show", "no-such", expect=1)


def _verdicts(workspace: Workspace, sketch: dict[str, Any]) -> dict[str, str]:
    routes = workspace.call("POST", "/api/channel-routes/explain", sketch)["routes"]
    return {each["id"]: each["reason"] for each in routes}


def _in_slack(workspace: Workspace, channel: str) -> list[dict[str, Any]]:
    posted = workspace.gateway.received(workspace.at.simulators["slack"])
    return [each for each in posted if each["body"].get("channel") == channel]


def _received(workspace: Workspace, path: str) -> list[dict[str, Any]]:
    return [each for each in workspace.gateway.received(workspace.at.simulators["webhook"]) if each["path"] == path]
