"""What the stand-ins answer conforms to what the vendors publish."""

import gzip
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from graphql import parse, print_ast
from graphql.language import ast
from tieline_simulators import (
    DiscordSimulator,
    GitHubSimulator,
    PagerDutySimulator,
    SentrySimulator,
    SlackSimulator,
    TelegramSimulator,
    WhatsAppSimulator,
    running,
)
from tieline_simulators.linear.schema import SDL
from tieline_simulators.stand_in import StandIn

from tests.contract.simulators.schemas import errors_against
from tests.shared_data import shared_data

SLACK = "slack-web-openapi-v2.json.gz"
DISCORD = "discord-openapi.json.gz"
PAGERDUTY = "pagerduty-rest-openapiv3.json.gz"
SENTRY = "sentry-openapi-derefed.json.gz"
EXPANDED = "derivedData|inbox|integrationIssues|latestEventHasAttachments|owners|sentryAppIssues|sessionCount"
WHATSAPP = "whatsapp-business-messaging-v23.0.yaml.gz"

Call = Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]


@asynccontextmanager
async def calling(stand_in: StandIn, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(it=stand_in) as addresses:
        client = httpx2.AsyncClient(base_url=addresses["it"], headers=headers)
        async with client:
            yield client


def escaped(path: str) -> str:
    return path.replace("/", "~1")


def response_schema(path: str, method: str, status: str = "200") -> str:
    return f"/paths/{escaped(path)}/{method}/responses/{status}/content/application~1json/schema"


def example(*parts: str) -> Any:
    return json.loads(shared_data("upstream", *parts).read_text())


# Slack

CHANNEL = "C0ALERTS01"
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "*x*"}}, {"type": "divider"}]


@pytest.mark.parametrize(
    ("method", "verb", "arguments"),
    [
        ("chat.postMessage", "post", {"channel": CHANNEL, "text": "x", "blocks": BLOCKS}),
        ("chat.update", "post", {"channel": CHANNEL, "text": "y"}),
        ("auth.test", "get", {}),
        ("conversations.history", "get", {"channel": CHANNEL}),
        ("conversations.info", "get", {"channel": CHANNEL}),
    ],
)
async def test_slack_answers_and_refusals_are_as_published(method: str, verb: str, arguments: dict[str, Any]) -> None:
    responses = f"/paths/~1{method}/{verb}/responses"
    async with calling(SlackSimulator(), Authorization="Bearer x") as api:
        posted = (await api.post("/api/chat.postMessage", json={"channel": CHANNEL, "text": "x"})).json()
        given = {**arguments, **({"ts": posted["ts"]} if method == "chat.update" else {})}
        accepted = await api.request("POST", f"/api/{method}", json=given)
        stranger = await api.request("POST", f"/api/{method}", json=given, headers={"Authorization": "Basic x"})

    assert accepted.json()["ok"] is True
    assert errors_against(SLACK, f"{responses}/200/schema", accepted.json()) == []
    assert errors_against(SLACK, f"{responses}/default/schema", stranger.json()) == []


async def test_slack_rate_limit_is_the_known_answer() -> None:
    known = example("slack", "errors.json")["ratelimited"]
    async with calling(SlackSimulator(), Authorization="Bearer x") as api:
        await api.post("/_faults", json={"fault": "rate_limit", "retry_after": 1})
        answer = await api.post("/api/auth.test")

    assert (answer.status_code, answer.json()) == (known["status"], known["body"])
    assert answer.headers["Retry-After"] == known["headers"]["Retry-After"]


# Discord

MESSAGES = "/api/v10/channels/290926798999357250/messages"
EMBED = {"title": "t", "description": "d", "color": 255, "fields": [{"name": "n", "value": "v", "inline": True}]}


async def test_discord_message_edit_list_and_user_are_as_published() -> None:
    async with calling(DiscordSimulator(), Authorization="Bot x") as api:
        request = {"content": "x", "embeds": [EMBED], "nonce": "d-1", "enforce_nonce": True}
        posted = (await api.post(MESSAGES, json=request)).json()
        edited = (await api.patch(f"{MESSAGES}/{posted['id']}", json={"content": "y"})).json()
        listed = (await api.get(MESSAGES)).json()
        user = (await api.get("/api/v10/users/@me")).json()
        channel = (await api.get("/api/v10/channels/290926798999357250")).json()

    assert errors_against(DISCORD, "/components/schemas/MessageCreateRequest", request) == []
    for message in (posted, edited, *listed):
        assert errors_against(DISCORD, "/components/schemas/MessageResponse", message) == []
    assert errors_against(DISCORD, "/components/schemas/UserPIIResponse", user) == []
    assert errors_against(DISCORD, "/components/schemas/GuildChannelResponse", channel) == []
    assert set(posted) >= set(example("discord", "example_message.docs.json")) - {"reactions"}


async def test_discord_errors_have_the_documented_forms() -> None:
    rate_limited = example("discord", "429_examples.json")[0]
    invalid = example("discord", "error_examples.docs.json")[1]
    async with calling(DiscordSimulator(), Authorization="Bot x") as api:
        refused = await api.post(MESSAGES, json={"content": "x", "embeds": [{"fields": [{"name": "x"}]}]})
        await api.post("/_faults", json={"fault": "rate_limit", "retry_after": 64.57})
        limited = await api.post(MESSAGES, json={"content": "x"})

    assert (refused.json()["code"], refused.json()["message"]) == (invalid["code"], invalid["message"])
    assert refused.json()["errors"]["embeds"]["0"]["fields"]["0"]["value"] == invalid["errors"]["access_token"]
    assert (limited.status_code, limited.json()) == (rate_limited["status"], rate_limited["body"])
    assert {name.lower() for name in rate_limited["headers"]} <= set(limited.headers)
    assert limited.headers["retry-after"] == rate_limited["headers"]["Retry-After"]


# PagerDuty


@pytest.mark.parametrize(
    ("method", "url", "path"),
    [
        ("get", "/incidents?date_range=all&limit=60&include[]=assignees", "/incidents"),
        ("get", "/incidents/PINC0007", "/incidents/{id}"),
        ("put", "/incidents/PINC0007", "/incidents/{id}"),
        ("put", "/incidents", "/incidents"),
        ("get", "/oncalls", "/oncalls"),
        ("get", "/services", "/services"),
        ("get", "/services/PSVC001", "/services/{id}"),
        ("get", "/users/me", "/users/me"),
    ],
)
async def test_pagerduty_answers_are_as_published(method: str, url: str, path: str) -> None:
    change = {"id": "PINC0007", "type": "incident_reference", "status": "acknowledged"}
    body = {"incident": change} if "{id}" in path else {"incidents": [change]}
    headers = {"Authorization": "Token token=x", "From": "mira@example.com"}
    async with calling(PagerDutySimulator(), **headers) as api:
        answer = await api.request(method.upper(), url, json=body if method == "put" else None)

    errors = errors_against(PAGERDUTY, response_schema(path, method), answer.json())
    assert answer.status_code == 200
    # The schema says string, its description null for what is not resolved, which is what comes.
    assert [each for each in errors if "resolved_at: None is not" not in each] == []


@pytest.mark.parametrize(
    ("url", "status"), [("/incidents?limit=x", "400"), ("/incidents", "429"), ("/incidents", "401")]
)
async def test_pagerduty_errors_are_as_published(url: str, status: str) -> None:
    async with calling(PagerDutySimulator(), Authorization="Token token=x") as api:
        if status == "429":
            await api.post("/_faults", json={"fault": "rate_limit"})
        if status == "401":
            await api.post("/_config", json={"tokens": ["other"]})
        answer = await api.get(url)

    schema = "/components/responses/Conflict/content/application~1json/schema"
    assert answer.status_code == int(status)
    assert errors_against(PAGERDUTY, schema, answer.json()) == []
    assert isinstance(answer.json()["error"]["code"], int)


async def test_pagerduty_note_is_as_published() -> None:
    path = "/incidents/{id}/notes"
    headers = {"Authorization": "Token token=x", "From": "mira@example.com"}
    async with calling(PagerDutySimulator(), **headers) as api:
        written = await api.post("/incidents/PINC0007/notes", json={"note": {"content": "x"}})
        listed = await api.get("/incidents/PINC0007/notes")

    assert errors_against(PAGERDUTY, response_schema(path, "post"), written.json()) == []
    assert errors_against(PAGERDUTY, response_schema(path, "get"), listed.json()) == []


async def test_pagerduty_incident_has_the_members_of_the_published_example() -> None:
    shown = example("pagerduty", "GET_incidents.json")["response"]["incidents"][0]
    rare = {"alert_grouping", "resolve_reason", "conference_bridge", "incidents_responders", "responder_requests"}
    async with calling(PagerDutySimulator(), Authorization="Token token=x") as api:
        ours = (await api.get("/incidents?limit=1")).json()["incidents"][0]

    assert set(shown) - rare <= set(ours)


# Telegram


@pytest.mark.parametrize(
    ("method", "body", "result"),
    [
        ("sendMessage", {"chat_id": -100123, "text": "<b>x</b>", "parse_mode": "HTML"}, "Message"),
        ("getMe", {}, "User"),
        ("getChat", {"chat_id": "@alerts"}, "ChatFullInfo"),
    ],
)
async def test_telegram_results_have_the_published_fields(method: str, body: dict[str, Any], result: str) -> None:
    document = json.loads(gzip.decompress(shared_data("specs", "telegram-bot-api.json.gz").read_bytes()))
    async with calling(TelegramSimulator()) as api:
        given = (await api.post(f"/bot1:x/{method}", json=body)).json()["result"]

    fields = {field["name"]: field for field in document["types"][result]["fields"]}
    required = {name for name, field in fields.items() if field["required"]}
    assert required <= set(given) <= set(fields)
    python = {"Integer": int, "String": str, "Boolean": bool}
    for name, value in given.items():
        assert any(isinstance(value, python.get(kind, dict | list)) for kind in fields[name]["types"])


async def test_telegram_rate_limit_is_the_known_answer() -> None:
    known = example("telegram", "responses.json")["429"]
    async with calling(TelegramSimulator()) as api:
        await api.post("/_faults", json={"fault": "rate_limit", "retry_after": 7})
        answer = await api.post("/bot1:x/sendMessage", json={"chat_id": 1, "text": "x"})

    assert (answer.status_code, answer.json()) == (known["status"], known["body"])
    assert answer.headers["Retry-After"] == known["headers"]["Retry-After"]


# WhatsApp


async def test_whatsapp_accepts_every_published_message_and_answers_as_published() -> None:
    requests = example("whatsapp", "messages.json")["request_examples"]
    async with calling(WhatsAppSimulator(), Authorization="Bearer x") as api:
        for name, request in requests.items():
            if "to" not in request:
                continue  # a read receipt, not a message
            answer = await api.post("/v23.0/106540352242922/messages", json={**request, "to": "+16505551234"})

            assert answer.status_code == 200, (name, answer.text)
            assert errors_against(WHATSAPP, "/components/schemas/MessageResponsePayload", answer.json()) == []


@pytest.mark.parametrize("fault", [{"fault": "rate_limit"}, {"fault": "status", "status": 500}, None])
async def test_whatsapp_errors_are_as_published(fault: dict[str, Any] | None) -> None:
    async with calling(WhatsAppSimulator(), Authorization="Bearer x") as api:
        if fault:
            await api.post("/_faults", json=fault)
        answer = await api.post("/v23.0/106540352242922/messages", json={})

    assert answer.status_code >= 400
    assert errors_against(WHATSAPP, "/components/schemas/GraphAPIError", answer.json()) == []


# Sentry


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (
            "/api/0/organizations/acme/issues/?query=",
            "/api/0/organizations/{organization_id_or_slug}/issues/",
        ),
        (
            "/api/0/projects/acme/checkout/issues/?query=",
            "/api/0/projects/{organization_id_or_slug}/{project_id_or_slug}/issues/",
        ),
    ],
)
async def test_sentry_issues_are_as_published(url: str, path: str) -> None:
    async with calling(SentrySimulator(), Authorization="Bearer x") as api:
        answer = await api.get(url)

    errors = errors_against(SENTRY, response_schema(path, "get"), answer.json())
    assert answer.json()
    # The schema requires members too that come with `expand` only.
    assert [each for each in errors if not re.search(f"'({EXPANDED})' is a required property", each)] == []


async def test_sentry_links_have_the_published_form() -> None:
    shapes = [
        re.sub(r"<[^>]*>|\d+", "", sample)
        for sample in example("sentry", "pagination_headers.json")["link_header_examples"]
    ]
    async with calling(SentrySimulator(), Authorization="Bearer x") as api:
        first = await api.get("/api/0/organizations/acme/issues/?limit=10")

    assert re.sub(r"<[^>]*>|\d+", "", first.headers["link"]) in shapes


# Linear


def test_every_linear_field_that_is_served_is_linears_own() -> None:
    ours = {definition.name.value: definition for definition in parse(SDL).definitions}  # type: ignore[attr-defined]
    theirs = linear_definitions(set(ours))

    for name, definition in ours.items():
        published = members(theirs[name])
        for member, (kind, arguments) in members(definition).items():
            assert member in published, f"{name}.{member}"
            assert kind == published[member][0], f"{name}.{member}"
            assert arguments.items() <= published[member][1].items(), f"{name}.{member}"


def linear_definitions(names: set[str]) -> dict[str, ast.Node]:
    text = gzip.decompress(shared_data("specs", "linear-schema.graphql.gz").read_bytes()).decode()
    wanted = re.compile(
        rf"^(?:type|input|enum) (?:{'|'.join(names)})\b.*?^}}|^scalar (?:{'|'.join(names)})$", re.MULTILINE | re.DOTALL
    )
    found = parse("\n".join(match[0] for match in wanted.finditer(text)))
    return {definition.name.value: definition for definition in found.definitions}  # type: ignore[attr-defined]


def members(definition: ast.Node) -> dict[str, tuple[str, dict[str, str]]]:
    """Return each field's type and its arguments' types; an enum's values as fields."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for field in getattr(definition, "fields", None) or ():
        arguments = {each.name.value: print_ast(each.type) for each in getattr(field, "arguments", None) or ()}
        found[field.name.value] = (print_ast(field.type), arguments)
    for value in getattr(definition, "values", None) or ():
        found[value.name.value] = ("", {})
    return found


# GitHub


async def test_github_issue_has_the_members_of_recorded_ones_and_links_as_recorded() -> None:
    first, middle = json.loads(
        shared_data("upstream", "github", "octokit_fixtures", "paginate-issues.json").read_text()
    )[:2]
    async with calling(GitHubSimulator(issues=13), Authorization="Bearer x") as api:
        ours = [await api.get(f"/repos/o/r/issues?state=all&per_page=3&page={page}") for page in (1, 2)]

    for recorded, answer in zip((first, middle), ours, strict=True):
        relations = re.findall(r'rel="(\w+)"', recorded["headers"]["link"])
        assert re.findall(r'rel="(\w+)"', answer.headers["link"]) == relations
        assert set(recorded["response"][0]) <= set(answer.json()[0])


async def test_github_issue_conforms_to_the_published_webhook_schema() -> None:
    bundle = json.loads(
        gzip.decompress(shared_data("specs", "github-webhook-payload-schemas.bundle.json.gz").read_bytes())
    )
    required = set(bundle["payload-schemas/api.github.com/common/issue.schema.json"]["required"])
    async with calling(GitHubSimulator(), Authorization="Bearer x") as api:
        issues = (await api.get("/repos/o/r/issues?state=all&per_page=100")).json()

    assert all(required <= set(issue) for issue in issues)
