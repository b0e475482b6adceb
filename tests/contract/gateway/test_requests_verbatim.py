"""Every request that the documents of surfaces A to D show, sent as it stands there.

Replaced are the host, the credential, the organization, and the ids of things that the document assumes to be there.
The answer has exactly the documented names, types, nulls and forms; where two examples of a document contradict each
other, `CONTRADICTED` says so. The Sentry webhook and the sync stream, which other services answer, have tests of their
own (see `test_every_example.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from tieline.contracts.sync import RunCompleted
from tieline.ids import new_id

from tests.contract.gateway.command_lines import SPECS, Example, command_lines, save_examples
from tests.contract.gateway.documented import assert_same_shape
from tests.contract.providers.configuring import configure_all
from tests.support.gateway_stack import Caller, GatewayStack
from tests.support.provider_stack import ProviderStack
from tests.support.stacks import until

pytestmark = pytest.mark.skipif(not SPECS.exists(), reason="the published documents are not beside the project")

ELSEWHERE = {"/api/webhooks/sentry", "/integrations/sync/550e8400-e29b-41d4-a716-446655440000"}
EXAMPLES = [one for surface in "ABCD" for one in command_lines(surface) if one.target not in ELSEWHERE]
SAVE_EXAMPLES = save_examples()
DOCUMENTED_ID = "550e8400-e29b-41d4-a716-446655440000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """What the documents assume to be there: where their ids stand, ours are put."""

    caller: Caller
    ids: dict[str, str]


@pytest.fixture(scope="module")
def things(stack: GatewayStack, providers_of_session: ProviderStack) -> Iterator[Things]:
    """A workspace with everything that the documents speak of; its integrations have been synced."""
    providers_of_session.forget()
    caller = providers_of_session.caller()
    with caller.http:
        configure_all(caller, providers_of_session)
        org = caller.org()
        incidents = caller.http.get("/api/integrations/pagerduty/incidents", headers=org).json()["incidents"]
        teams = caller.http.get("/api/integrations/linear/teams", headers=org).json()["teams"]
        in_progress = "/api/integrations/linear/issues?status=In%20Progress&limit=1"
        key = caller.http.get(in_progress, headers=org).json()["issues"][0]["id"].split("-")[0]
        route = {"eventType": "incident.*", "channel": "slack", "channelId": "C0ALERTS", "projectId": "proj-001"}
        routes = [caller.http.post("/api/channel-routes", headers=org, json=route).json()["id"] for _ in range(2)]
        note_a_sync_of_each(stack, caller)
        yield Things(
            caller=caller,
            ids={
                "P1INC001": next(one["id"] for one in incidents if one["status"] == "triggered"),
                "team-eng": next(team["id"] for team in teams if team["key"] == key),
                "project=api-gateway": "project=checkout",
                "route-003": routes[1],
            },
        )


def note_a_sync_of_each(stack: GatewayStack, caller: Caller) -> None:
    """Let the registry learn that every integration of the caller was synced."""
    for one in caller.http.get("/integrations/all").json()["integrations"]:
        note_a_sync(stack, caller, one["id"])


def note_a_sync(stack: GatewayStack, caller: Caller, integration_id: str) -> None:
    """Let the registry learn that an integration was synced, as a worker tells it."""
    at = datetime.now(UTC)
    stack.tell(
        RunCompleted(
            run_id=new_id(),
            workspace_id=caller.workspace_id,
            integration_id=integration_id,
            sequence=1,
            at=at,
            added=18,
            total=18,
            last_synced=at,
        )
    )
    path = f"/integrations/id/{integration_id}"
    until(lambda: caller.http.get(path).json()["integration"]["last_synced_at"] is not None)


def create_documented(stack: GatewayStack, caller: Caller) -> str:
    """Create the ServiceNow integration that surface D's document speaks of; return its id."""
    body = next(one.body for one in EXAMPLES if one.target == "/integrations/create")
    created: str = caller.http.post("/integrations/create", json=body).json()["integration"]["id"]
    note_a_sync(stack, caller, created)
    return created


CONTRADICTED: dict[str, Any] = {
    # The text and the OpenAPI say `[type]-[uuid]`, this example shows a bare UUID.
    "A POST /api/v2/integrations/save": {"data": {"unique_identifier": "sentry-550e8400"}},
    # The list shows `lastSynced` in the config of an integration that was synced, these two do not.
    f"D GET /integrations/id/{DOCUMENTED_ID}": {"integration": {"config": {"lastSynced": "2026-03-01T10:30:00Z"}}},
    f"D PUT /integrations/update/{DOCUMENTED_ID}": {"integration": {"config": {"lastSynced": "2026-03-01T10:30:00Z"}}},
}
"""What an answer has instead, or besides."""

USER = "123e4567-e89b-12d3-a456-426614174000"
"""The user of surface D's document. Surface A's is `user_abc123`: ids of users are the key issuer's affair."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_command_line(stack: GatewayStack, things: Things, example: Example) -> None:
    caller, ids = things.caller, dict(things.ids)
    if example.surface == "D" or example.target == "/api/integrations/configure":
        caller = stack.workspace()
        if example.surface == "D" and example.method != "POST":
            ids[DOCUMENTED_ID] = create_documented(stack, caller)

    answer = caller.http.request(
        example.method,
        replaced(example.target, ids),
        headers={"authorization": "", **headers_of(example, caller)},
        json=None if example.body is None else with_ids(example.body, ids),
    )

    assert answer.status_code == 200, answer.text
    if example.answer is not None:
        documented = laid_over(example.answer, CONTRADICTED.get(example.name, {}))
        assert_same_shape(*alike(answer.json(), documented))
    else:
        assert example.surface == "B"  # the one document that shows no body


@pytest.mark.parametrize("name", SAVE_EXAMPLES)
def test_save_example(things: Things, name: str) -> None:
    body, documented = SAVE_EXAMPLES[name]

    answer = things.caller.http.post("/api/v2/integrations/save", json=body)

    data = answer.json()["data"]
    assert answer.status_code == 200
    documented = laid_over(documented, {"data": {"unique_identifier": data["unique_identifier"]}})
    if "metadata" not in body:  # the rest is null or empty then
        documented = laid_over(documented, {"data": {"metadata": {"description": None, "version": None, "tags": []}}})
    assert_same_shape(answer.json(), documented)
    assert {field: data[field] for field in body if field in data and field != "metadata"} == {
        field: value for field, value in body.items() if field in data and field != "metadata"
    }
    assert data["unique_identifier"] == f"{body['integration_type']}-{data['integration_id']}"


def headers_of(example: Example, caller: Caller) -> dict[str, str]:
    """Return the example's headers with the caller's credential in the place of the document's."""
    known = {
        "YOUR_API_KEY": caller.api_key,
        "<TOKEN>": caller.api_key,
        "Bearer YOUR_TOKEN": f"Bearer {caller.api_key}",
        "org-acme-corp": caller.slug,
    }
    headers = {name.lower(): known.get(value, value) for name, value in example.headers.items()}
    # Surface C's document shows the organization alone, which proves nothing.
    return {**headers, "x-api-key": caller.api_key} if example.surface == "C" else headers


def replaced(text: str, ids: dict[str, str]) -> str:
    for documented, ours in ids.items():
        text = text.replace(documented, ours)
    return text


def with_ids(body: Any, ids: dict[str, str]) -> Any:
    if isinstance(body, dict):
        return {name: ids.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
    return body


def laid_over(documented: Any, changes: dict[str, Any]) -> Any:
    """Return a documented answer with changes at any depth, and its user like ours."""
    if isinstance(documented, list):
        return [laid_over(one, {}) for one in documented]
    if not isinstance(documented, dict):
        return "user_abc123" if documented == USER else documented
    result = {name: laid_over(value, changes.get(name, {})) for name, value in documented.items()}
    return result | {name: value for name, value in changes.items() if not isinstance(value, dict)}


def alike(answer: Any, documented: Any) -> tuple[Any, Any]:
    """Return both so that they can be compared.

    What a provider has may lack what the example's has: nobody is assigned, there is no label. The status tells of
    calls that were made, too.
    """
    for name in ("incidents", "issues"):
        for one in answer.get(name, ()):
            one |= {field: documented[name][0][field] for field, value in one.items() if value in (None, [])}
    for one in answer.get("integrations", ()):
        one.pop("health", None)
    return answer, documented
