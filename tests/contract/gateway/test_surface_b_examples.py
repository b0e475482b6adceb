"""Surface B's document: every request it shows, every row of its tables, every status."""

from typing import Any

import httpx2
import pytest
from tieline_gateway.domain.bulk_types import TYPES

from tests.support.gateway_stack import Caller, GatewayStack

OPENAI: dict[str, Any] = {
    "name": "<YOUR-INTEGRATION-NAME>",
    "type": "openai",
    "category": "AI_MODEL",
    "description": "<YOUR-DESCRIPTION>",
    "enabled": True,
    "configuration": {"api_key": "<YOUR-API-KEY>"},
    "apis": [
        {
            "integrationName": "<YOUR-INTEGRATION-NAME>",
            "api": "gpt-4o",
            "description": "GPT-4o model",
            "enabled": True,
        }
    ],
}
ANTHROPIC: dict[str, Any] = {
    "name": "<YOUR-INTEGRATION-NAME>",
    "type": "anthropic",
    "category": "AI_MODEL",
    "description": "<YOUR-DESCRIPTION>",
    "enabled": True,
    "configuration": {"api_key": "<YOUR-API-KEY>", "endpoint": "https://api.anthropic.com/v1"},
    "apis": [
        {
            "integrationName": "<YOUR-INTEGRATION-NAME>",
            "api": "claude-sonnet-4-6",
            "description": "claude-sonnet-4-6 model",
            "enabled": True,
        }
    ],
}
SAVE_ALL: list[dict[str, Any]] = [
    {
        "name": "open-ai-test",
        "type": "openai",
        "category": "AI_MODEL",
        "description": "OpenAI integration for LLM tasks",
        "enabled": True,
        "configuration": {"api_key": "sk-..."},
        "apis": [{"integrationName": "open-ai-test", "api": "gpt-4o", "description": "GPT-4o model", "enabled": True}],
    },
    {
        "name": "sendgrid-test",
        "type": "sendgrid",
        "category": "EMAIL",
        "description": "SendGrid integration for email tasks",
        "enabled": True,
        "configuration": {"api_key": "SG...."},
        "apis": [],
    },
]
AWS = ("aws_bedrock_anthropic", "aws_bedrock_cohere", "aws_bedrock_titan", "aws_sqs", "aws")


def save(caller: Caller, body: Any, *, path: str = "/api/integrations") -> httpx2.Response:
    """Send `body` as the document does: the key in `X-Authorization` and nowhere else."""
    headers = {"accept": "*/*", "X-Authorization": caller.api_key, "authorization": ""}
    return caller.http.post(path, headers=headers, json=body)


def names(caller: Caller) -> list[str]:
    """Return the names of the workspace's integrations."""
    return [item["name"] for item in caller.http.get(caller.v1("integrations")).json()["items"]]


@pytest.mark.parametrize("path", ["/api/integrations", "/api/integrations/"])
def test_save_all_integrations_example(caller: Caller, path: str) -> None:
    answer = save(caller, SAVE_ALL, path=path)

    assert answer.status_code == 200
    assert names(caller) == ["open-ai-test", "sendgrid-test"]


@pytest.mark.parametrize("example", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
def test_integration_example(caller: Caller, example: dict[str, Any]) -> None:
    answer = save(caller, [example])

    assert answer.status_code == 200
    assert answer.json()[0]["name"] == "<YOUR-INTEGRATION-NAME>"


def test_saving_again_updates_by_name(caller: Caller) -> None:
    first = save(caller, SAVE_ALL).json()

    second = save(caller, [{**SAVE_ALL[0], "enabled": False}]).json()

    assert second[0]["id"] == first[0]["id"]
    assert (first[0]["created"], second[0]["created"], second[0]["enabled"]) == (True, False, False)


def test_200_for_an_empty_array_changes_nothing(caller: Caller) -> None:
    assert save(caller, []).status_code == 200
    assert names(caller) == []


def test_400_changing_the_type_names_the_integration(caller: Caller) -> None:
    save(caller, SAVE_ALL)

    answer = save(caller, [SAVE_ALL[1], {**SAVE_ALL[0], "type": "perplexity"}])

    assert answer.status_code == 400
    assert "open-ai-test" in answer.json()["message"]


def test_400_saves_nothing_of_an_array_with_one_wrong_item(caller: Caller) -> None:
    answer = save(caller, [SAVE_ALL[0], {**SAVE_ALL[1], "configuration": {}}])

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"path": [1, "configuration", "api_key"], "message": "sendgrid-test: api_key is required"}
    ]
    assert names(caller) == []


def test_400_when_an_api_names_another_integration(caller: Caller) -> None:
    answer = save(caller, [{**SAVE_ALL[0], "name": "other"}])

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == [0, "apis", 0, "integrationName"]


def test_400_when_a_name_stands_twice(caller: Caller) -> None:
    assert save(caller, [SAVE_ALL[0], SAVE_ALL[0]]).status_code == 400


def test_400_for_a_new_integration_without_configuration(caller: Caller) -> None:
    answer = save(caller, [{"name": "bare", "type": "openai"}])

    assert answer.status_code == 400
    assert "bare" in answer.json()["message"]


def test_400_for_a_body_that_is_no_array(caller: Caller) -> None:
    assert save(caller, SAVE_ALL[0]).status_code == 400


def test_401_without_and_with_a_wrong_key(stack: GatewayStack) -> None:
    for headers in ({}, {"X-Authorization": "<TOKEN>"}):
        answer = stack.http.post(f"{stack.gateway_url}/api/integrations", headers=headers, json=SAVE_ALL)

        assert answer.status_code == 401
        assert set(answer.json()) == {"status", "error", "message"}


def test_403_without_permission_to_update(stack: GatewayStack, caller: Caller) -> None:
    viewer = stack.key(caller, "integration.view", "integration.create")

    answer = save(viewer, SAVE_ALL)

    assert answer.status_code == 403
    assert answer.json()["status"] == 403
    assert names(caller) == []


@pytest.mark.parametrize("name", TYPES)
def test_row_of_the_key_table(stack: GatewayStack, resident: Caller, name: str) -> None:
    complete = {key: f"a {key}" for key in (*TYPES[name].required, *TYPES[name].optional)}
    if TYPES[name].aws:
        complete["connectionType"] = "default"
    bodies = [
        [{"name": f"{name}-lacks", "type": name, "configuration": {k: v for k, v in complete.items() if k != missing}}]
        for missing in TYPES[name].required
    ]

    refused = [save(resident, body) for body in bodies]
    accepted = save(resident, [{"name": name, "type": name, "configuration": {**complete, "unknownKey": "kept"}}])

    assert [answer.status_code for answer in refused] == [400] * len(bodies)
    assert accepted.status_code == 200
    assert accepted.json()[0]["category"] == TYPES[name].category
    opened = stack.credentials(resident, accepted.json()[0]["id"])
    kept = {**opened.integration.config, **{path.partition(".")[2]: value for path, value in opened.secrets.items()}}
    assert kept == {**complete, "unknownKey": "kept"}


@pytest.mark.parametrize("name", AWS)
@pytest.mark.parametrize(
    ("way", "lacking", "complete"),
    [
        ("accessKey", {"accessKey": "AKIA"}, {"accessKey": "AKIA", "secretKey": "s3cr3t"}),
        ("assumeRole", {"externalId": "e"}, {"roleArn": "arn:aws:iam::1:role/r"}),
        ("default", None, {}),
    ],
)
def test_aws_row_by_connection_type(
    resident: Caller, name: str, way: str, lacking: dict[str, str] | None, complete: dict[str, str]
) -> None:
    base = {"connectionType": way, "region": "eu-west-1"}

    def body(more: dict[str, str]) -> list[dict[str, Any]]:
        return [{"name": f"{name}-{way}", "type": name, "configuration": {**base, **more}}]

    if lacking is not None:
        assert save(resident, body(lacking)).status_code == 400
    assert save(resident, body(complete)).status_code == 200


def test_password_type_values_become_secrets(stack: GatewayStack, caller: Caller) -> None:
    configuration = {
        "jdbcDriver": "org.postgresql.Driver",
        "user": "app",
        "password": "plain-password",
        "datasourceURL": "jdbc:postgresql://app:plain-in-url@db/app",
    }

    saved = save(caller, [{"name": "db", "type": "relational_db", "configuration": configuration}]).json()[0]

    opened = stack.credentials(caller, saved["id"])
    assert opened.secrets == {
        "config.password": "plain-password",
        "config.datasourceURL": "jdbc:postgresql://app:plain-in-url@db/app",
    }
    assert opened.integration.config == {"jdbcDriver": "org.postgresql.Driver", "user": "app"}


def test_tags_and_apis_are_kept(stack: GatewayStack, caller: Caller) -> None:
    tags = [{"key": "team", "value": "search"}]

    saved = save(caller, [{**SAVE_ALL[0], "tags": tags}]).json()[0]

    kept = stack.credentials(caller, saved["id"]).integration
    assert [tag.model_dump() for tag in kept.tags] == tags
    assert kept.apis == [{"api": "gpt-4o", "description": "GPT-4o model", "enabled": True}]
