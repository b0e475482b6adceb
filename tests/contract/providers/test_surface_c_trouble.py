"""What surface C answers when a provider has trouble, or when it is not called at all."""

import concurrent.futures
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from tieline.settings import OutgoingSettings
from tieline_simulators import Fault
from tieline_simulators.faults import FaultKind

from tests.contract.providers.configuring import configure, configure_all, get, post
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack

READS = {
    "pagerduty": ("/api/integrations/pagerduty/incidents", "PagerDuty"),
    "linear": ("/api/integrations/linear/teams", "Linear"),
    "sentry": ("/api/observability/sentry", "Sentry"),
}


NEW = {"cache-control": "no-cache"}


def trouble(providers: ProviderStack, provider: str, kind: FaultKind, **more: Any) -> None:
    providers.stand_ins[provider].faults.add(Fault(kind=kind, times=0, **more))


def upstream_error(name: str, details: str, *, status: int = 502, verb: str = "fetch from") -> dict[str, Any]:
    return {"error": f"Failed to {verb} {name} API", "code": "UPSTREAM_ERROR", "status": status, "details": details}


@pytest.fixture(scope="module")
def hurried(providers_of_session: ProviderStack) -> Iterator[str]:
    """A gateway whose worker gives a provider one second."""
    impatient = OutgoingSettings(timeout=timedelta(seconds=1), dangerous_allow_private_addresses=True)
    with providers_of_session.worker(outgoing=impatient) as worker:
        internal = providers_of_session.gateway.internal(sync_worker_url=worker)
        with providers_of_session.gateway.another_gateway(internal=internal) as address:
            yield address


@pytest.mark.parametrize("provider", READS)
def test_error_example_of_a_timeout(resident: Caller, providers: ProviderStack, hurried: str, provider: str) -> None:
    trouble(providers, provider, "hang", seconds=3)
    path, name = READS[provider]

    answer = resident.http.get(f"{hurried}{path}", headers=resident.org(**NEW))

    assert answer.status_code == 502
    assert answer.json() == upstream_error(name, "Request timeout after 1000ms")


@pytest.mark.parametrize("provider", READS)
@pytest.mark.parametrize("status", [400, 403, 404, 500, 502, 503])
def test_an_error_of_the_provider_is_a_502_with_its_words(
    resident: Caller, providers: ProviderStack, provider: str, status: int
) -> None:
    trouble(providers, provider, "status", status=status)
    path, name = READS[provider]

    answer = get(resident, path, **NEW)

    assert answer.status_code == 502
    assert (answer.json()["error"], answer.json()["code"]) == (f"Failed to fetch from {name} API", "UPSTREAM_ERROR")
    assert answer.json()["details"].startswith(f"HTTP {status}")


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("bad_json", "The response is not valid JSON"),
        ("cut_short", "The response is not valid JSON"),
        ("reset", "The connection failed or broke"),
        ("truncate", "The connection failed or broke"),
    ],
)
@pytest.mark.parametrize("provider", READS)
def test_a_broken_answer_is_a_502(
    resident: Caller, providers: ProviderStack, provider: str, kind: FaultKind, details: str
) -> None:
    trouble(providers, provider, kind)
    path, name = READS[provider]

    assert get(resident, path, **NEW).json() == upstream_error(name, details)


@pytest.mark.parametrize(
    ("address", "details"),
    [
        ("https://no-such-host.invalid", "The host name no-such-host.invalid could not be resolved"),
        ("http://127.0.0.1:9", "The connection failed or broke"),
        ("ftp://127.0.0.1", "The address may not be called: 127.0.0.1: the scheme ftp is not allowed"),
        ("http://127.0.0.1:99999", "The address may not be called: the URL has no host that could be called"),
    ],
)
def test_an_address_that_does_not_answer_is_a_502(
    asker: Caller, providers: ProviderStack, address: str, details: str
) -> None:
    configure(asker, providers, "sentry", authToken="t0ken", organization="acme", baseUrl=address)

    answer = get(asker, READS["sentry"][0])

    assert answer.json() == upstream_error("Sentry", details)


def test_a_server_that_speaks_no_tls_is_a_502(asker: Caller, providers: ProviderStack) -> None:
    plain = providers.addresses["sentry"].replace("http://", "https://")  # speaks no TLS at all
    configure(asker, providers, "sentry", authToken="t0ken", organization="acme", baseUrl=plain)

    assert get(asker, READS["sentry"][0]).json() == upstream_error(
        "Sentry", "No TLS connection to 127.0.0.1: the handshake failed"
    )


@pytest.mark.parametrize("provider", READS)
def test_refused_credentials_are_a_502_that_does_not_repeat_them(
    resident: Caller, providers: ProviderStack, provider: str
) -> None:
    providers.stand_ins[provider].configure({"tokens": ["another"]})
    path, _ = READS[provider]

    answer = get(resident, path, **NEW)

    assert answer.status_code == 502
    assert answer.json()["details"].startswith("HTTP 401")
    assert "0123456789" not in answer.text
    assert "abcdef" not in answer.text


@pytest.mark.parametrize("provider", READS)
def test_a_rate_limit_is_passed_on_and_obeyed(asker: Caller, providers: ProviderStack, provider: str) -> None:
    configure_all(asker, providers)
    trouble(providers, provider, "rate_limit", retry_after=7.0)
    path, name = READS[provider]

    first = get(asker, path)
    calls = len(providers.stand_ins[provider].received)
    providers.stand_ins[provider].faults.clear()
    second = get(asker, path)

    assert (first.status_code, first.json()["code"], first.json()["error"]) == (
        429,
        "UPSTREAM_ERROR",
        f"Failed to fetch from {name} API",
    )
    assert 5 <= int(first.headers["retry-after"]) <= 8
    assert second.status_code == 429
    assert len(providers.stand_ins[provider].received) == calls  # nobody was asked before the time had come


def test_another_workspace_is_not_held_up_by_a_rate_limit(asker: Caller, providers: ProviderStack) -> None:
    configure_all(asker, providers)
    other = providers.caller()
    configure_all(other, providers)
    providers.stand_ins["sentry"].faults.add(Fault(kind="rate_limit", retry_after=60))

    limited, answered = get(asker, READS["sentry"][0]), get(other, READS["sentry"][0])

    assert (limited.status_code, answered.status_code) == (429, 200)


@pytest.mark.parametrize(
    ("config", "path", "details"),
    [
        ({"integration": "pagerduty", "apiKey": "k3y0"}, "/api/integrations/pagerduty/oncall", "serviceId is missing"),
        ({"integration": "sentry", "authToken": "t0ken"}, "/api/observability/sentry", "organization is missing"),
    ],
)
def test_what_a_call_lacks_is_not_configured(
    asker: Caller, providers: ProviderStack, config: dict[str, str], path: str, details: str
) -> None:
    integration = config["integration"]
    configure(asker, providers, **config)

    answer = get(asker, path)

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["details"]) == ("INTEGRATION_NOT_CONFIGURED", details)
    assert len(providers.stand_ins[integration].received) == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/integrations/pagerduty/incidents?limit=0", None),
        ("GET", "/api/integrations/pagerduty/incidents?limit=1001", None),
        ("GET", "/api/integrations/pagerduty/incidents?limit=many", None),
        ("GET", "/api/integrations/pagerduty/incidents?status=open", None),
        ("GET", "/api/integrations/pagerduty/incidents?status=", None),
        ("GET", "/api/integrations/linear/issues?team=", None),
        ("GET", f"/api/observability/sentry?query={'x' * 3000}", None),
        ("GET", "/api/observability/sentry?project=..", None),
        ("GET", "/api/observability/sentry?project=a%2F..%2Fb", None),
        ("POST", "/api/integrations/pagerduty/incidents/%2E%2E/acknowledge", {"acknowledgedBy": "a"}),
        ("POST", "/api/integrations/linear/issues", {"teamId": "t"}),
        ("POST", "/api/integrations/linear/issues", {"title": "x"}),
        ("POST", "/api/integrations/linear/issues", {"title": "x", "teamId": "t", "priority": 5}),
        ("POST", "/api/integrations/linear/issues", {"title": "x", "teamId": "t", "labels": "bug"}),
        ("POST", "/api/integrations/linear/issues", []),
    ],
)
def test_what_can_not_be_asked_is_refused_and_nothing_is_sent(
    resident: Caller, providers: ProviderStack, method: str, path: str, body: Any
) -> None:

    answer = resident.http.request(method, path, headers=resident.org(), json=body)

    assert answer.status_code in {400, 404}
    assert {"error", "code", "status"} <= set(answer.json())
    assert [len(stand_in.received) for stand_in in providers.stand_ins.values()] == [0, 0, 0]


def test_a_refusal_of_a_write_says_so(resident: Caller, providers: ProviderStack) -> None:

    answer = post(resident, "/api/integrations/linear/issues", {"title": "x", "teamId": "no-such-team"})

    assert answer.json() == upstream_error("Linear", "Entity not found: Team", verb="send to")


def test_a_key_that_may_only_look_can_not_write(resident: Caller, providers: ProviderStack) -> None:
    looker = providers.gateway.key(resident, "integration.view")
    onlooker = httpx2.Client(base_url=providers.gateway_url, headers=looker.http.headers, trust_env=False)
    with onlooker:
        read = onlooker.get("/api/integrations/linear/teams", headers=resident.org())
        write = onlooker.post(
            "/api/integrations/linear/issues", headers=resident.org(), json={"title": "x", "teamId": "t"}
        )

    assert (read.status_code, write.status_code) == (200, 403)


def test_the_same_read_within_seconds_is_made_once(asker: Caller, providers: ProviderStack) -> None:
    configure_all(asker, providers)

    answers = [get(asker, "/api/integrations/linear/teams") for _ in range(3)]

    assert len({answer.text for answer in answers}) == 1
    assert len(providers.stand_ins["linear"].received) == 1
    assert answers[0].headers["cache-control"] == "private, max-age=5"
    assert answers[2].headers["cache-control"].startswith("private, max-age=")


def test_a_caller_who_wants_no_remembered_answer_gets_a_new_one(resident: Caller, providers: ProviderStack) -> None:

    for _ in range(2):
        get(resident, "/api/integrations/linear/teams", **{"cache-control": "no-cache"})

    assert len(providers.stand_ins["linear"].received) == 2


def test_identical_reads_in_flight_are_made_once(resident: Caller, providers: ProviderStack) -> None:
    trouble(providers, "sentry", "slow", seconds=0.3)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: get(resident, "/api/observability/sentry?limit=16"), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(providers.stand_ins["sentry"].received) == 1


def test_workspaces_never_share_an_answer(asker: Caller, providers: ProviderStack) -> None:
    configure_all(asker, providers)
    other = providers.caller()
    configure(other, providers, "sentry", authToken="sntrys_of_others", organization="acme")

    get(asker, "/api/observability/sentry")
    get(other, "/api/observability/sentry")

    tokens = [each.headers["authorization"] for each in providers.stand_ins["sentry"].received]
    assert tokens == ["Bearer sntrys_0123456789", "Bearer sntrys_of_others"]


def test_a_write_is_seen_by_the_next_read(resident: Caller, providers: ProviderStack) -> None:
    path = "/api/integrations/pagerduty/incidents?status=triggered&limit=100"
    incident = get(resident, path, **NEW).json()["incidents"][-1]["id"]

    post(resident, f"/api/integrations/pagerduty/incidents/{incident}/acknowledge", {"acknowledgedBy": "a"})

    assert incident not in [each["id"] for each in get(resident, path, **NEW).json()["incidents"]]


def test_new_credentials_count_at_once(asker: Caller, providers: ProviderStack) -> None:
    configure_all(asker, providers)
    providers.stand_ins["sentry"].configure({"tokens": ["sntrys_new"]})
    refused = get(asker, "/api/observability/sentry")

    configure(asker, providers, "sentry", authToken="sntrys_new")

    assert refused.status_code == 502
    assert get(asker, "/api/observability/sentry").status_code == 200


def test_without_the_sync_worker_the_answer_is_503_in_shape(resident: Caller, providers: ProviderStack) -> None:
    lonely = providers.gateway.internal(sync_worker_url="http://127.0.0.1:9")
    with providers.gateway.another_gateway(internal=lonely) as address:
        http = httpx2.Client(base_url=address, headers=resident.http.headers, trust_env=False)
        with http:
            answer = http.get("/api/observability/sentry", headers=resident.org())
            status = http.get("/api/integrations/status", headers=resident.org())

    assert (answer.status_code, set(answer.json())) == (503, {"error", "code", "status"})
    assert status.status_code == 200


def test_the_internal_interface_wants_the_service_token(providers: ProviderStack) -> None:
    for path in ("/internal/providers/call", "/internal/providers/health"):
        answer = httpx2.post(f"{providers.worker_urls[0]}{path}", json={}, trust_env=False)

        assert answer.status_code == 401
