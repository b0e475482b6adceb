"""Which credential an integration calls with, whatever surface saved it."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from tieline_sync.domain.providers.authorization_code import AuthorizationCode, OAuthApp
from tieline_sync.domain.providers.credentials import Credential, credential_of
from tieline_sync.domain.providers.errors import CallInputError, CredentialsRefusedError, NotConfiguredError
from tieline_sync.domain.providers.tokens import Grant, Token, TokenRequest

from tests.unit.sync.providers.facts import NOW, facts

APP = OAuthApp(client_id="app", client_secret="app-secret", token_url="https://vendor.example/token")
CLIENT = {"token_url": "https://id.example/token", "client_id": "c1"}


def credential(auth: dict[str, Any] | None = None, secrets: dict[str, str] | None = None, **more: Any) -> Credential:
    found = credential_of(
        facts(more.pop("provider", "rest"), secrets, auth=auth or {}, **more), apps={"linear": APP}, params={}
    )
    assert found is not None
    return found


def asked(found: Credential, before: Token | None = None) -> TokenRequest:
    return grant_of(found).request(now=NOW, unique="unique-1", before=before)


def grant_of(found: Credential) -> Grant:
    assert found.grant is not None
    return found.grant


@pytest.mark.parametrize(
    ("auth", "secrets", "header", "sent"),
    [
        ({"type": "api_key_header"}, {"auth.api_key": "k"}, "X-API-Key", "k"),
        ({"type": "api_key_header", "header_name": "X-Shop"}, {"auth.api_key": "k"}, "X-Shop", "k"),
        ({"type": "bearer_token"}, {"auth.access_token": "t"}, "Authorization", "Bearer t"),
        (
            {"type": "bearer_token", "header_name": "authorization"},
            {"auth.access_token": "t"},
            "Authorization",
            "Bearer t",
        ),
        ({"type": "bearer_token", "header_name": "X-Token"}, {"auth.access_token": "t"}, "X-Token", "t"),
        ({}, {"auth.access_token": "t"}, "Authorization", "Bearer t"),
        ({"token_type": "Bearer"}, {"auth.access_token": "t"}, "Authorization", "Bearer t"),
        ({"type": "api_token"}, {"auth.access_token": "t"}, "Authorization", "Bearer t"),
        ({}, {"auth.api_key": "k"}, "X-API-Key", "k"),
    ],
)
def test_fixed_credentials(auth: dict[str, Any], secrets: dict[str, str], header: str, sent: str) -> None:
    found = credential(auth, secrets)

    assert (found.header, found.prefix + (found.value or ""), found.grant) == (header, sent, None)


@pytest.mark.parametrize("kind", [{"type": "basic"}, {"type": "basic_auth"}, {}])
def test_user_and_password_are_basic(kind: dict[str, Any]) -> None:
    found = credential(kind, {"config.password": "pässword:1"}, config={"username": "üser"})

    assert (found.header, found.prefix) == ("Authorization", "Basic ")
    assert b64decode(found.value or "").decode() == "üser:pässword:1"


def test_an_integration_without_anything_needs_no_credential() -> None:
    assert credential_of(facts(), apps={}) is None


@pytest.mark.parametrize(
    ("auth", "missing"),
    [
        ({"type": "api_key_header"}, "auth.api_key"),
        ({"type": "bearer_token"}, "auth.access_token"),
        ({"type": "basic"}, "config.username"),
        ({"type": "oauth2_client_credentials"}, "auth.token_url"),
        ({"type": "oauth2_client_credentials", **CLIENT}, "auth.client_secret"),
        ({"type": "json_token_exchange", "token_url": "https://x"}, "auth.client_id"),
        ({"type": "oauth2_jwt_bearer", **CLIENT}, "auth.private_key"),
        ({"type": "bearer_token_exchange"}, "auth.exchange_url"),
        ({"type": "bearer_token_exchange", "exchange_url": "https://x"}, "auth.exchange_secret"),
    ],
)
def test_what_is_missing_is_named(auth: dict[str, Any], missing: str) -> None:
    with pytest.raises(NotConfiguredError, match=missing):
        credential_of(facts(auth=auth), apps={})


def test_client_credentials_are_a_form() -> None:
    found = credential(
        {"type": "oauth2_client_credentials", **CLIENT, "scopes": ["read", "write"]}, {"auth.client_secret": "s"}
    )

    request = asked(found)
    token = grant_of(found).read({"access_token": "t", "expires_in": 600}, now=NOW, before=None)
    assert (request.url, request.json) == ("https://id.example/token", None)
    assert request.form == {
        "grant_type": "client_credentials",
        "client_id": "c1",
        "client_secret": "s",
        "scope": "read write",
    }
    assert token is not None
    assert (token.value, token.expires_at) == ("t", NOW + timedelta(seconds=600))


def test_a_json_exchange_uses_the_names_and_the_path_of_the_settings() -> None:
    auth = {
        "type": "json_token_exchange",
        **CLIENT,
        "token_request_client_id_field": "apiUser",
        "token_request_client_secret_field": "apiKey",
        "token_response_path": "data.session.token",
        "token_lifetime_seconds": 900,
    }
    found = credential(auth, {"auth.client_secret": "s"})

    token = grant_of(found).read({"data": {"session": {"token": "t"}}}, now=NOW, before=None)
    assert (asked(found).json, asked(found).form) == ({"apiUser": "c1", "apiKey": "s"}, None)
    assert token is not None
    assert (token.value, token.expires_at) == ("t", NOW + timedelta(seconds=900))


def pem(key: Any) -> str:
    return str(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
    )


KEYS: dict[str, tuple[Any, Any]] = {
    "RS256": (rsa.generate_private_key(65537, 2048), RSAKey),
    "ES256": (ec.generate_private_key(ec.SECP256R1()), ECKey),
    "ES384": (ec.generate_private_key(ec.SECP384R1()), ECKey),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate(), OKPKey),
}


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("in_jwt", [True, False])
def test_an_assertion_is_signed_by_the_key_and_says_who_for_whom_and_until_when(
    algorithm: str, *, in_jwt: bool
) -> None:
    key, kind = KEYS[algorithm]
    auth = {
        "type": "oauth2_jwt_bearer",
        "token_url": "https://id.example/token",
        "assertion_issuer": "issuer",
        "assertion_subject": "user@example.com",
        "assertion_audience": "https://id.example",
        "scopes": ["a", "b"],
        "assertion_scopes_in_jwt": in_jwt,
    }
    request = asked(credential(auth, {"auth.private_key": pem(key)}))

    assert request.form is not None
    decoded = jwt.decode(request.form["assertion"], kind.import_key(pem(key)), algorithms=[algorithm])
    claims = decoded.claims
    assert decoded.header["alg"] == algorithm
    assert request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("issuer", "user@example.com", "https://id.example")
    assert (claims["iat"], claims["jti"]) == (int(NOW.timestamp()), "unique-1")
    assert 0 < claims["exp"] - claims["iat"] <= 300
    assert (claims.get("scope"), request.form.get("scope")) == (("a b", None) if in_jwt else (None, "a b"))


def test_issuer_subject_and_audience_have_their_defaults() -> None:
    key, _ = KEYS["ES256"]
    request = asked(credential({"type": "oauth2_jwt_bearer", **CLIENT}, {"auth.private_key": pem(key)}))

    assert request.form is not None
    claims = jwt.decode(request.form["assertion"], ECKey.import_key(pem(key)), algorithms=["ES256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("c1", "c1", "https://id.example/token")


@pytest.mark.parametrize("form", ["jwk", "one line"])
def test_a_key_may_be_a_jwk_or_a_pem_with_written_line_ends(form: str) -> None:
    key, _ = KEYS["RS256"]
    jwk = RSAKey.import_key(pem(key), {"kid": "k-1"})
    text = json.dumps(jwk.as_dict(private=True)) if form == "jwk" else pem(key).replace("\n", "\\n")
    request = asked(credential({"type": "oauth2_jwt_bearer", **CLIENT}, {"auth.private_key": text}))

    assert request.form is not None
    decoded = jwt.decode(request.form["assertion"], jwk, algorithms=["RS256"])
    assert decoded.header.get("kid") == ("k-1" if form == "jwk" else None)


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize(
    "text",
    [
        "n0t-a-key",
        "{}",
        '{"kty": "oct", "k": "c2VjcmV0"}',
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        pem(rsa.generate_private_key(65537, 1024)),
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ],
)
def test_what_can_not_sign_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(NotConfiguredError) as caught:
        asked(credential({"type": "oauth2_jwt_bearer", **CLIENT}, {"auth.private_key": text}))

    assert "auth.private_key" in str(caught.value)
    assert text[:12] not in str(caught.value)


EXCHANGE = {
    "type": "bearer_token_exchange",
    "exchange_url": "https://id.example/exchange",
    "exchange_secret_header": "X-Master",
    "exchange_secret_format": "Key {secret}!",
    "exchange_token_field": "result.jwt",
    "exchange_expires_in_field": "result.ttl",
    "exchange_default_ttl_seconds": 240,
    "exchange_param_headers": [
        {"header_name": "X-USER-ID", "param_name": "user_id"},
        {"header_name": "X-Org-ID", "param_name": "org_id", "consume": False},
        {"header_name": "X-Region", "param_name": "region", "required": False},
    ],
}


def exchange(**params: Any) -> Credential:
    found = credential_of(facts("rest", {"auth.exchange_secret": "s3cret"}, auth=EXCHANGE), apps={}, params=params)
    assert found is not None
    return found


def test_a_header_exchange_sends_the_secret_and_the_parameters_as_headers() -> None:
    found = exchange(user_id="u1", org_id=7)

    request = asked(found)
    assert (request.form, request.json) == (None, None)
    assert {name: request.headers[name] for name in ("X-Master", "X-USER-ID", "X-Org-ID")} == {
        "X-Master": "Key s3cret!",
        "X-USER-ID": "u1",
        "X-Org-ID": "7",
    }
    assert "X-Region" not in request.headers
    assert found.consumed == {"user_id", "region"}


@pytest.mark.parametrize(
    ("answer", "life"), [({"jwt": "t", "ttl": 600}, 600), ({"jwt": "t"}, 240), ({"jwt": "t", "ttl": "x"}, 240)]
)
def test_a_header_exchange_reads_token_and_life_where_the_settings_say(answer: dict[str, Any], life: int) -> None:
    token = grant_of(exchange(user_id="u1", org_id="o1")).read({"result": answer}, now=NOW, before=None)

    assert token is not None
    assert (token.value, token.expires_at) == ("t", NOW + timedelta(seconds=life))


def test_different_users_have_different_tokens_and_the_same_user_one() -> None:
    one, other, again = (grant_of(exchange(user_id=user, org_id="o1")) for user in ("u1", "u2", "u1"))

    assert one.slot != other.slot
    assert (one.slot, one.origin) == (again.slot, again.origin)


@pytest.mark.parametrize(
    "params",
    [
        {"org_id": "o"},
        {"user_id": None, "org_id": "o"},
        {"user_id": "", "org_id": "o"},
        {"user_id": "a\r\nX: 1", "org_id": "o"},
        {"user_id": ["a"], "org_id": "o"},
        {"user_id": "ü", "org_id": "o"},
    ],
)
def test_a_parameter_that_the_token_needs_must_be_there_and_fit_a_header(params: dict[str, Any]) -> None:
    with pytest.raises(CallInputError) as caught:
        exchange(**params)

    assert [problem.path for problem in caught.value.problems] == [("user_id",)]


CONSENT = {"auth.access_token": "a1", "auth.refresh_token": "r1"}


def consent(secrets: dict[str, str], **auth: Any) -> AuthorizationCode:
    found = credential({"token_type": "Bearer", **auth}, secrets, provider="linear")
    assert isinstance(found.grant, AuthorizationCode)
    return found.grant


def test_a_saved_token_is_used_until_shortly_before_it_expires() -> None:
    grant = consent(CONSENT, expires_at="2026-03-21T15:00:00Z")

    held = grant.held()
    assert held is not None
    assert (held.value, held.renew_at) == ("a1", datetime(2026, 3, 21, 14, 59, tzinfo=UTC))


def test_an_expired_token_is_refreshed_and_a_new_refresh_token_takes_the_place_of_the_old() -> None:
    grant = consent(CONSENT, expires_at="2026-03-21T13:00:00")

    request = grant.request(now=NOW, unique="", before=grant.held())
    rotated = grant.read({"access_token": "a2", "refresh_token": "r2", "expires_in": 60}, now=NOW, before=grant.held())
    kept = grant.read({"access_token": "a2"}, now=NOW, before=grant.held())
    assert request.url == "https://vendor.example/token"
    assert request.form == {
        "grant_type": "refresh_token",
        "refresh_token": "r1",
        "client_id": "app",
        "client_secret": "app-secret",
    }
    assert rotated is not None
    assert kept is not None
    assert (rotated.refresh_token, kept.refresh_token) == ("r2", "r1")
    assert grant.request(now=NOW, unique="", before=rotated).form["refresh_token"] == "r2"  # type: ignore[index]  # a form
    assert grant.origin_after(rotated) == consent({"auth.access_token": "a2", "auth.refresh_token": "r2"}).origin


def test_a_code_is_exchanged_once() -> None:
    grant = consent({"auth.code": "c0de"})

    request = grant.request(now=NOW, unique="", before=None)
    token = grant.read({"access_token": "a1", "expires_in": 60}, now=NOW, before=None)
    assert grant.held() is None
    assert request.form is not None
    assert (request.form["grant_type"], request.form["code"]) == ("authorization_code", "c0de")
    with pytest.raises(CredentialsRefusedError):
        grant.request(now=NOW, unique="", before=token)


def test_an_integration_may_have_an_app_of_its_own() -> None:
    secrets = {**CONSENT, "auth.client_secret": "own-secret"}
    found = credential({"client_id": "own", "token_url": "https://own.example/t"}, secrets, provider="linear")

    request = asked(found, grant_of(found).held())
    assert request.form is not None
    assert (request.url, request.form["client_id"], request.form["client_secret"]) == (
        "https://own.example/t",
        "own",
        "own-secret",
    )


def test_without_an_app_a_saved_token_is_all_there_is() -> None:
    found = credential({}, CONSENT, provider="sentry")

    assert (found.value, found.grant) == ("a1", None)


def test_a_code_without_an_app_can_not_be_used() -> None:
    with pytest.raises(NotConfiguredError, match="OAuth app"):
        credential({}, {"auth.code": "c0de"}, provider="sentry")


@pytest.mark.parametrize(
    "found",
    [
        credential({"type": "oauth2_client_credentials", **CLIENT}, {"auth.client_secret": "s3cret"}),
        credential({"type": "bearer_token"}, {"auth.access_token": "s3cret"}),
        credential(
            {"token_type": "Bearer"}, {"auth.refresh_token": "s3cret", "auth.access_token": "s3cret"}, provider="linear"
        ),
        exchange(user_id="u", org_id="o"),
    ],
)
def test_no_representation_shows_a_secret(found: Credential) -> None:
    request = asked(found, grant_of(found).held()) if found.grant else None

    assert "s3cret" not in f"{found!r} {found.grant!r} {request!r}"


def test_servicenow_gives_tokens_at_the_instance_itself() -> None:
    config = {"url": "acme.service-now.com/", "client_id": "c1"}
    secrets = {"config.client_secret": "s", "auth.refresh_token": "r0"}

    request = asked(credential({}, secrets, provider="servicenow", config=config))

    assert request.url == "https://acme.service-now.com/oauth_token.do"
    assert (request.form or {})["grant_type"] == "refresh_token"
