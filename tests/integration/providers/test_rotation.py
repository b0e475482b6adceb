"""OAuth consents saved through surface A: refreshed when used, new refresh tokens kept in the registry."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, Response
from tieline_sync.settings import OAuthAppSettings, ProviderSettings

from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack
from tests.support.scripted_server import Received, ScriptedServer
from tests.support.stacks import until

TEAMS = {"data": {"teams": {"nodes": [], "pageInfo": {"hasNextPage": False}}}}


class Vendor(ScriptedServer):
    """Linear with an OAuth endpoint that gives each refresh token once, as vendors with rotation do."""

    address = ""

    def __init__(self) -> None:
        super().__init__()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was given."""
        self.clear()
        self.always = self.answer
        self.refreshable = "r0"
        self.access = ""
        self.given = 0

    def answer(self, received: Received) -> Response:
        """Give tokens for the one refresh token (or code) that is still good."""
        if received.path != "/oauth/token":
            good = received.headers.get("authorization") == f"Bearer {self.access}"
            error = {"errors": [{"message": "no", "extensions": {"code": "AUTHENTICATION_ERROR"}}]}
            return JSONResponse(TEAMS) if good else JSONResponse(error, 401)
        if f"={self.refreshable}&" not in received.raw.decode() + "&":
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.given += 1
        self.access, self.refreshable = f"access-{self.given}", f"refresh-{self.given}"
        return JSONResponse(
            {
                "access_token": self.access,
                "refresh_token": self.refreshable,
                "expires_in": 86_400,
                "token_type": "Bearer",
            }
        )


@pytest.fixture(scope="module")
def vendor_and_gateway(providers_of_session: ProviderStack) -> Iterator[tuple[Vendor, str]]:
    """A vendor, and a gateway whose worker has an OAuth app there."""
    vendor = Vendor()
    with providers_of_session.serve(vendor) as vendor.address:
        app = OAuthAppSettings(
            client_id="app", client_secret=SecretStr("app-s3cret"), token_url=f"{vendor.address}/oauth/token"
        )
        with providers_of_session.worker(providers=ProviderSettings(oauth_apps={"linear": app})) as worker:
            internal = providers_of_session.gateway.internal(sync_worker_url=worker)
            with providers_of_session.gateway.another_gateway(internal=internal) as url:
                yield vendor, url


@pytest.fixture
def vendor(vendor_and_gateway: tuple[Vendor, str]) -> Vendor:
    vendor_and_gateway[0].begin_anew()
    return vendor_and_gateway[0]


@pytest.fixture
def somebody(providers: ProviderStack, vendor_and_gateway: tuple[Vendor, str]) -> Iterator[Caller]:
    """Someone in a fresh workspace at that gateway."""
    caller = providers.gateway.workspace(url=vendor_and_gateway[1])
    with caller.http:
        yield caller


def save(caller: Caller, vendor: Vendor, **auth: Any) -> str:
    """Save an integration as surface A's document does, and where it lives as surface C's; return its id."""
    body = {"name": "Linear", "integration_type": "linear", "unique_identifier": "linear-1", "auth_data": auth}
    saved = caller.http.post("/api/v2/integrations/save", json=body)
    assert saved.status_code == 200, saved.text
    configured = caller.http.post(
        "/api/integrations/configure",
        headers=caller.org(),
        json={"integration": "linear", "config": {"baseUrl": f"{vendor.address}/graphql"}},
    )
    assert configured.status_code == 200, configured.text
    return str(saved.json()["data"]["integration_id"])


def teams(caller: Caller) -> Any:
    return caller.http.get("/api/integrations/linear/teams", headers=caller.org(**{"cache-control": "no-cache"}))


def secrets(providers: ProviderStack, caller: Caller, integration_id: str) -> dict[str, str]:
    return dict(providers.gateway.credentials(caller, integration_id).secrets)


def test_an_expired_token_is_refreshed_and_the_registry_keeps_the_new_ones(
    providers: ProviderStack, somebody: Caller, vendor: Vendor
) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    integration_id = save(somebody, vendor, access_token="a0", refresh_token="r0", expires_at=past)

    answers = [teams(somebody) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert vendor.given == 1
    until(lambda: secrets(providers, somebody, integration_id)["auth.refresh_token"] == "refresh-1")
    opened = providers.gateway.credentials(somebody, integration_id)
    assert opened.secrets["auth.access_token"] == "access-1"
    assert opened.integration.auth["expires_at"] > datetime.now(UTC).isoformat()
    assert opened.integration.auth["token_type"] == "Bearer"


def test_a_code_is_exchanged_and_forgotten(providers: ProviderStack, somebody: Caller, vendor: Vendor) -> None:
    vendor.refreshable = "c0de"
    integration_id = save(somebody, vendor, code="c0de")

    answers = [teams(somebody) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    until(lambda: "auth.code" not in secrets(providers, somebody, integration_id))
    assert secrets(providers, somebody, integration_id)["auth.access_token"] == "access-1"
    assert vendor.given == 1


def test_a_refused_token_is_refreshed_although_it_has_not_expired(
    providers: ProviderStack, somebody: Caller, vendor: Vendor
) -> None:
    integration_id = save(somebody, vendor, access_token="revoked", refresh_token="r0")

    answer = teams(somebody)

    assert answer.status_code == 200
    until(lambda: secrets(providers, somebody, integration_id)["auth.refresh_token"] == "refresh-1")


def test_the_chain_goes_on_while_somebody_edits_the_integration(
    providers: ProviderStack, somebody: Caller, vendor: Vendor
) -> None:
    integration_id = save(somebody, vendor, access_token="revoked", refresh_token="r0")

    for number in range(1, 5):
        vendor.access = "revoked by the vendor"
        edited = somebody.http.patch(
            somebody.v1(f"integrations/{integration_id}"), json={"display_name": f"Linear {number}"}
        )
        assert edited.status_code == 200
        assert teams(somebody).status_code == 200

    until(lambda: secrets(providers, somebody, integration_id)["auth.refresh_token"] == "refresh-4")
    assert vendor.given == 4


def test_new_consent_is_not_overwritten_by_the_old_one(
    providers: ProviderStack, somebody: Caller, vendor: Vendor
) -> None:
    integration_id = save(somebody, vendor, access_token="revoked", refresh_token="r0")
    assert teams(somebody).status_code == 200
    until(lambda: secrets(providers, somebody, integration_id)["auth.refresh_token"] == "refresh-1")

    vendor.access, vendor.refreshable = "a9", "r9"
    save(somebody, vendor, access_token="a9", refresh_token="r9")
    answer = teams(somebody)

    assert answer.status_code == 200
    assert secrets(providers, somebody, integration_id)["auth.refresh_token"] == "r9"
    assert vendor.given == 1


def test_a_consent_that_was_withdrawn_is_told(somebody: Caller, vendor: Vendor) -> None:
    save(somebody, vendor, access_token="revoked", refresh_token="withdrawn")

    answer = teams(somebody)

    assert answer.status_code == 502
    assert answer.json()["details"] == "The token endpoint refuses the credentials (HTTP 400, invalid_grant)"
