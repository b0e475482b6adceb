"""How a call proves itself to ServiceNow: user and password, a token, or OAuth 2."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tieline.contracts.integrations import Integration

from tieline_sync.adapters.connectors.vendor import run_error
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers.authorization_code import AuthorizationCode, OAuthApp, instant_of
from tieline_sync.domain.providers.errors import ProviderCallError
from tieline_sync.domain.providers.grants import ClientCredentials
from tieline_sync.domain.providers.servicenow import token_url_of
from tieline_sync.domain.providers.tokens import Grant, Token
from tieline_sync.handlers.tokens import Tokens

USERNAME = ("config.username", "auth.username", "auth.basic.username")
PASSWORD = ("config.password", "auth.password", "auth.basic.password")
TOKEN = ("config.api_token", "config.token", "auth.api_token", "auth.token", "auth.access_token", "config.access_token")
CLIENT_ID = ("auth.client_id", "config.client_id", "config.oauth.client_id")
CLIENT_SECRET = ("auth.client_secret", "config.client_secret", "config.oauth.client_secret")
REFRESH_TOKEN = ("auth.refresh_token", "config.refresh_token", "config.oauth.refresh_token")


class Auth(Protocol):
    """What is sent along to prove who calls."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers; may ask for a token first, and raise what a provider's answer means."""
        ...

    def renew(self) -> bool:
        """Take note that a token was refused; False when there is nothing that could be renewed."""
        ...


@dataclass(frozen=True, slots=True)
class FixedAuth:
    """A header that stays as it is."""

    authorization: str = field(repr=False)

    async def headers(self) -> Mapping[str, str]:
        """Return the header."""
        return {"Authorization": self.authorization}

    def renew(self) -> bool:
        """Nothing can be renewed."""
        return False


class OAuth:
    """A bearer token, shared by all replicas and kept fresh; a refresh token that rotates is kept as well."""

    def __init__(self, tokens: Tokens, integration: Integration, grant: Grant) -> None:
        self._tokens = tokens
        self._integration = integration
        self._grant = grant
        self._token: Token | None = None
        self._refused: Token | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the header. Raises ProviderCredentialsError, ProviderUnavailableError, ProviderRateLimitedError."""
        try:
            self._token = await self._tokens.get(self._integration, self._grant, refused=self._refused)
        except ProviderCallError as error:
            raise run_error("ServiceNow", error) from error
        self._refused = None
        return {"Authorization": f"Bearer {self._token.value}"}

    def renew(self) -> bool:
        """Take note that the token was refused."""
        self._refused = self._token
        return self._token is not None


def auth_of(facts: Facts, tokens: Tokens) -> tuple[Auth | None, tuple[str, ...]]:
    """Return how to prove oneself, None when facts are missing, and the names of the facts that are needed."""
    declared = (facts.find("auth.type", "config.auth_type", "auth.auth_type") or "").lower()
    grant = _grant(facts)
    token = facts.find(*TOKEN)
    username, password = facts.find(*USERNAME), facts.find(*PASSWORD)
    if declared == "oauth2" or (not declared and grant is not None and not (username and password)):
        if grant is not None:
            return OAuth(tokens, facts.integration, grant), ()
        return (FixedAuth(f"Bearer {token}"), ()) if token else (None, ("client_id", "client_secret"))
    if declared in {"api_token", "bearer", "token"} or (not declared and token and not password):
        return (FixedAuth(f"Bearer {token}"), ()) if token else (None, ("api_token",))
    if username and password:
        return FixedAuth("Basic " + b64encode(f"{username}:{password}".encode()).decode()), ()
    return None, ("username", "password")


def _grant(facts: Facts) -> Grant | None:
    """Return how tokens are got: with a refresh token if there is one, else as the client itself; None without one."""
    client_id, client_secret = facts.find(*CLIENT_ID), facts.find(*CLIENT_SECRET)
    url = token_url_of(facts)
    if not client_id or not client_secret or url is None:
        return None
    refresh_token = facts.find(*REFRESH_TOKEN)
    if refresh_token is None:
        return ClientCredentials(url=url, client_id=client_id, client_secret=client_secret)
    return AuthorizationCode(
        app=OAuthApp(client_id=client_id, client_secret=client_secret, token_url=url),
        access_token=facts.find("auth.access_token", "config.access_token"),
        refresh_token=refresh_token,
        expires_at=instant_of(facts.integration.auth.get("expires_at")),
    )
