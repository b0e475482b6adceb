"""Which credential an integration calls with: found by its `auth.type`, else by what is there."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers import servicenow
from tieline_sync.domain.providers.authorization_code import TOKEN_URLS, AuthorizationCode, OAuthApp, instant_of
from tieline_sync.domain.providers.errors import CallInputError, NotConfiguredError, Problem
from tieline_sync.domain.providers.grants import ClientCredentials, HeaderExchange, JsonExchange, JwtBearer
from tieline_sync.domain.providers.tokens import Grant

TOKEN: Final = ("auth.access_token", "config.access_token", "config.api_token", "config.token", "config.api_key")
USERNAME: Final = ("config.username", "auth.username", "config.email")
PASSWORD: Final = ("config.password", "auth.password")
CLIENT_ID: Final = ("auth.client_id", "config.client_id")
CLIENT_SECRET: Final = ("auth.client_secret", "config.client_secret")
TOKEN_URL: Final = ("auth.token_url", "config.token_url")
API_KEY_HEADER: Final = "X-API-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What proves us in one header: `value` as it is, or the token of `grant` behind `prefix`.

    `consumed` are parameters of the call that were used up to get the token, and are not sent again.
    """

    header: str = "Authorization"
    prefix: str = "Bearer "
    value: str | None = field(default=None, repr=False)
    grant: Grant | None = None
    consumed: frozenset[str] = frozenset()


def credential_of(
    facts: Facts, *, apps: Mapping[str, OAuthApp], params: Mapping[str, Any] | None = None
) -> Credential | None:
    """Return the credential of an integration, None for one that needs none.

    `apps` are the OAuth apps of this installation by provider, `params` the call's own. Raises NotConfiguredError when
    a fact is missing, CallInputError when a parameter that the token depends on is.
    """
    build = _BY_TYPE.get((facts.find("auth.type") or "").lower())
    if build is not None:
        return build(facts, params or {})
    found = _by_what_is_there(facts, apps)
    if found is None and facts.find("auth.type") == "bearer_token":
        raise NotConfiguredError("auth.access_token is missing")
    return found


def _by_what_is_there(facts: Facts, apps: Mapping[str, OAuthApp]) -> Credential | None:
    consent = _consent(facts, apps)
    if consent is not None:
        return _token(facts, grant=consent)
    token = facts.find(*TOKEN)
    if token is not None:
        return _token(facts, value=token)
    if facts.find(*USERNAME) and facts.find(*PASSWORD):
        return _basic(facts, {})
    if facts.find(*CLIENT_ID) and facts.find(*CLIENT_SECRET) and facts.find(*TOKEN_URL):
        return _client_credentials(facts, {})
    return _api_key(facts, {}) if facts.find("auth.api_key") else None


def _consent(facts: Facts, apps: Mapping[str, OAuthApp]) -> AuthorizationCode | None:
    """Return what a person's consent has given, None where it can't be renewed: then the token is all there is."""
    code, refresh_token = facts.find("auth.code"), facts.find("auth.refresh_token", "config.refresh_token")
    app = _app(facts, apps)
    access_token = facts.find("auth.access_token", "config.access_token")
    if app is None or not (code or refresh_token):
        if access_token is None and (code or refresh_token):
            raise NotConfiguredError("there is no OAuth app that this authorization belongs to")
        return None
    return AuthorizationCode(
        app=app,
        code=None if access_token or refresh_token else code,
        access_token=access_token,
        refresh_token=refresh_token,
        expires_at=instant_of(facts.integration.auth.get("expires_at")),
    )


def _app(facts: Facts, apps: Mapping[str, OAuthApp]) -> OAuthApp | None:
    provider = facts.integration.provider
    client_id, client_secret = facts.find(*CLIENT_ID), facts.find(*CLIENT_SECRET)
    url = facts.find(*TOKEN_URL) or TOKEN_URLS.get(provider)
    if url is None and provider == "servicenow":
        url = servicenow.token_url_of(facts)
    if client_id and client_secret and url:
        redirect_uri = facts.find("auth.redirect_uri", "config.redirect_uri")
        return OAuthApp(client_id=client_id, client_secret=client_secret, token_url=url, redirect_uri=redirect_uri)
    return apps.get(provider)


def _api_key(facts: Facts, _params: Mapping[str, Any]) -> Credential:
    header = facts.find("auth.header_name") or API_KEY_HEADER
    return Credential(header=header, prefix="", value=_needed(facts, "auth.api_key", "auth.access_token"))


def _basic(facts: Facts, _params: Mapping[str, Any]) -> Credential:
    pair = f"{_needed(facts, *USERNAME)}:{_needed(facts, *PASSWORD)}"
    return Credential(prefix="Basic ", value=b64encode(pair.encode()).decode())


def _client_credentials(facts: Facts, _params: Mapping[str, Any]) -> Credential:
    return _token(facts, grant=ClientCredentials(**_client(facts)))


def _json_exchange(facts: Facts, _params: Mapping[str, Any]) -> Credential:
    return _token(facts, grant=JsonExchange(**_client(facts)))


def _client(facts: Facts) -> dict[str, Any]:
    return {
        "url": _needed(facts, *TOKEN_URL),
        "client_id": _needed(facts, *CLIENT_ID),
        "client_secret": _needed(facts, *CLIENT_SECRET),
        "scopes": tuple(facts.find_list("auth.scopes")),
        "id_field": facts.find("auth.token_request_client_id_field") or "client_id",
        "secret_field": facts.find("auth.token_request_client_secret_field") or "client_secret",
        "token_path": facts.find("auth.token_response_path") or "access_token",
        "default_life": _life(facts, "token_lifetime_seconds"),
    }


def _jwt_bearer(facts: Facts, _params: Mapping[str, Any]) -> Credential:
    url = _needed(facts, *TOKEN_URL)
    issuer = _needed(facts, "auth.assertion_issuer", *CLIENT_ID)
    grant = JwtBearer(
        url=url,
        issuer=issuer,
        subject=facts.find("auth.assertion_subject") or issuer,
        audience=facts.find("auth.assertion_audience") or url,
        private_key=_needed(facts, "auth.private_key"),
        scopes=tuple(facts.find_list("auth.scopes")),
        scopes_in_assertion=facts.integration.auth.get("assertion_scopes_in_jwt") is True,
        token_path=facts.find("auth.token_response_path") or "access_token",
        default_life=_life(facts, "token_lifetime_seconds"),
    )
    return _token(facts, grant=grant)


def _header_exchange(facts: Facts, params: Mapping[str, Any]) -> Credential:
    headers, consumed = _param_headers(facts, params)
    secret_format = facts.find("auth.exchange_secret_format") or "{secret}"
    grant = HeaderExchange(
        url=_needed(facts, "auth.exchange_url"),
        secret_header=facts.find("auth.exchange_secret_header") or "X-API-KEY",
        secret_value=secret_format.replace("{secret}", _needed(facts, "auth.exchange_secret")),
        param_headers=headers,
        token_path=facts.find("auth.exchange_token_field") or "token",
        life_path=facts.find("auth.exchange_expires_in_field"),
        default_life=_life(facts, "exchange_default_ttl_seconds"),
    )
    return _token(facts, grant=grant, consumed=consumed)


def _param_headers(facts: Facts, params: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
    headers: list[tuple[str, str]] = []
    consumed: set[str] = set()
    problems: list[Problem] = []
    for mapping in facts.integration.auth.get("exchange_param_headers") or []:
        name, value = str(mapping.get("param_name")), params.get(str(mapping.get("param_name")))
        if mapping.get("consume", True):
            consumed.add(name)
        if value is None or value == "":
            if mapping.get("required", True):
                problems.append(Problem((name,), f"{name} is needed to get a token"))
        elif _is_header_text(text := _text(value)):
            headers.append((str(mapping.get("header_name")), text))
        else:
            problems.append(Problem((name,), f"{name} can't be sent as a header"))
    if problems:
        raise CallInputError(problems)
    return tuple(headers), frozenset(consumed)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _is_header_text(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and len(text) <= 1024 and text == text.strip()


def _token(facts: Facts, **parts: Any) -> Credential:
    """Return a token as it is sent: behind `Bearer` in Authorization, bare in a header of the settings' choice."""
    header = facts.find("auth.header_name")
    if header is None or header.lower() == "authorization":
        return Credential(**parts)
    return Credential(header=header, prefix="", **parts)


def _life(facts: Facts, name: str) -> timedelta:
    value = facts.integration.auth.get(name)
    return timedelta(seconds=value) if isinstance(value, int) and 0 < value <= 31_536_000 else timedelta(hours=1)


def _needed(facts: Facts, *paths: str) -> str:
    found = facts.find(*paths)
    if found is None:
        raise NotConfiguredError(f"{paths[0]} is missing")
    return found


_BY_TYPE: Final = {
    "api_key_header": _api_key,
    "basic": _basic,
    "basic_auth": _basic,
    "bearer_token_exchange": _header_exchange,
    "json_token_exchange": _json_exchange,
    "oauth2_client_credentials": _client_credentials,
    "oauth2_jwt_bearer": _jwt_bearer,
}
"""The types of authentication that say all; `bearer_token` and what other surfaces say is found by what is there."""
