"""What we send to vendors is what their published schemas say they take."""

import gzip
import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from tieline_simulators import ReceivedRequest

from tests.contract.providers.configuring import get, post
from tests.contract.simulators.schemas import errors_against
from tests.shared_data import shared_data
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack

PAGERDUTY = "pagerduty-rest-openapiv3.json.gz"
SENTRY = "sentry-openapi-derefed.json.gz"
NEW = {"cache-control": "no-cache"}


@cache
def document(spec: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(shared_data("specs", spec).read_bytes()))
    return found


@cache
def linear_schema() -> GraphQLSchema:
    text = gzip.decompress(shared_data("specs", "linear-schema.graphql.gz").read_bytes()).decode()
    return build_schema(text, assume_valid=True)


def operation_of(spec: str, received: ReceivedRequest) -> tuple[str, dict[str, Any]]:
    """Return the path's template and the operation that a request is, as published."""
    for template, item in document(spec)["paths"].items():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, received.path) and received.method.lower() in item:
            return template, item[received.method.lower()]
    raise AssertionError(f"{received.method} {received.path} is not published")


def parameters(spec: str, operation: dict[str, Any], place: str) -> dict[str, dict[str, Any]]:
    listed = [resolved(spec, each) for each in operation.get("parameters", [])]
    return {each["name"].lower(): each for each in listed if each["in"] == place}


def resolved(spec: str, node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = document(spec)
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def test_pagerduty_takes_what_we_send(resident: Caller, providers: ProviderStack) -> None:
    get(resident, "/api/integrations/pagerduty/oncall", **NEW)
    listed = get(resident, "/api/integrations/pagerduty/incidents?status=triggered,resolved&limit=3", **NEW).json()
    incident = next(each["id"] for each in listed["incidents"] if each["status"] == "triggered")
    post(resident, f"/api/integrations/pagerduty/incidents/{incident}/acknowledge", {"acknowledgedBy": "agent-1"})

    requests = list(providers.stand_ins["pagerduty"].received)
    assert len(requests) == 7
    for received in requests:
        template, operation = operation_of(PAGERDUTY, received)
        query = parameters(PAGERDUTY, operation, "query")
        headers = parameters(PAGERDUTY, operation, "header")
        assert {name for name, _ in parse_qsl(received.query)} <= set(query), received.path
        assert received.headers["accept"] == headers["accept"]["schema"]["default"]
        assert [name for name, one in headers.items() if one.get("required") and name not in received.headers] == []
        if received.raw:
            assert received.headers["content-type"] == "application/json"
            escaped = template.replace("/", "~1")
            pointer = f"/paths/{escaped}/{received.method.lower()}/requestBody/content/application~1json/schema"
            assert errors_against(PAGERDUTY, pointer, received.body) == []


@pytest.mark.parametrize("status", ["triggered", "acknowledged", "resolved"])
def test_our_statuses_are_pagerdutys(status: str) -> None:
    operation = document(PAGERDUTY)["paths"]["/incidents"]["get"]

    assert status in parameters(PAGERDUTY, operation, "query")["statuses[]"]["schema"]["enum"]


def test_linear_takes_what_we_send(resident: Caller, providers: ProviderStack) -> None:
    shared_data("specs", "linear-schema.graphql.gz")
    team = get(resident, "/api/integrations/linear/teams", **NEW).json()["teams"][0]["id"]
    get(resident, f"/api/integrations/linear/issues?team={team}&status=Todo&assignee=x&limit=3", **NEW)
    issue = {"title": "x", "teamId": team, "description": "d", "priority": 1, "labels": ["backend", "brand-new"]}
    for _ in range(2):
        post(resident, "/api/integrations/linear/issues", issue, **{"idempotency-key": "schema"})

    sent = [each.body for each in providers.stand_ins["linear"].received]
    assert {parse(each["query"]).definitions[0].name.value for each in sent} == {  # type: ignore[attr-defined, index]  # ours are named
        "Teams",
        "Issues",
        "Labels",
        "CreateLabel",
        "CreateIssue",
        "Issue",
    }
    for body in sent:
        assert isinstance(body, dict)
        tree = parse(body["query"])
        [operation] = tree.definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert validate(linear_schema(), tree) == []
        errors, values = variables_of(operation, body["variables"])
        assert errors == []
        assert values is not None


def variables_of(operation: OperationDefinitionNode, given: dict[str, Any]) -> tuple[list[Any], Any]:
    found = get_variable_values(linear_schema(), operation.variable_definitions or (), given)
    return (found, None) if isinstance(found, list) else ([], found)


def test_linear_ids_have_the_form_that_it_demands(resident: Caller, providers: ProviderStack) -> None:
    team = get(resident, "/api/integrations/linear/teams").json()["teams"][0]["id"]

    post(resident, "/api/integrations/linear/issues", {"title": "x", "teamId": team})

    [created] = [each.body for each in providers.stand_ins["linear"].received if "issueCreate" in each.raw.decode()]
    assert isinstance(created, dict)
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", created["variables"]["input"]["id"]
    )


def test_sentry_takes_what_we_send(resident: Caller, providers: ProviderStack) -> None:
    get(resident, "/api/observability/sentry?limit=5", **NEW)
    get(resident, "/api/observability/sentry?project=checkout&query=is:resolved&limit=1000", **NEW)

    for received in providers.stand_ins["sentry"].received:
        _, operation = operation_of(SENTRY, received)
        query = parameters(SENTRY, operation, "query")
        given = dict(parse_qsl(received.query))
        assert set(given) <= set(query)
        assert 1 <= int(given["limit"]) <= 100
