"""How a call proves itself to ServiceNow: user and password, a token, or OAuth 2."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tieline.clock import Clock

from tieline_sync.adapters.connectors.answers import Provider, json_object
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import ProviderCredentialsError, ProviderUnavailableError

EARLY = timedelta(seconds=60)  # a token is renewed this long before it expires, for clocks that differ
TOKEN_PATH = "/oauth_token.do"  # noqa: S105 - a path

USERNAME = ("config.username", "auth.username", "auth.basic.username")
PASSWORD = ("config.password", "auth.password", "auth.basic.password")
TOKEN = ("config.api_token", "config.token", "auth.api_token", "auth.token", "auth.access_token", "config.access_token")
CLIENT_ID = ("config.client_id", "auth.client_id", "config.oauth.client_id")
CLIENT_SECRET = ("config.client_secret", "auth.client_secret", "config.oauth.client_secret")
REFRESH_TOKEN = ("config.refresh_token", "auth.refresh_token", "config.oauth.refresh_token")


class Auth(Protocol):
    """What is sent along to prove who calls."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers; may ask for a token first, and raise what a provider's answer means."""
        ...

    def renew(self) -> bool:
        """Forget a token that was refused; False when there is nothing that could be renewed."""
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
    """A bearer token, asked for with the client's own or with a refresh token, and kept until it expires."""

    def __init__(self, provider: Provider, address: str, grant: Mapping[str, str], clock: Clock) -> None:
        self._provider = provider
        self._address = address
        self._grant = dict(grant)
        self._clock = clock
        self._token: str | None = None
        self._expires_at: datetime | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the header, with a token that lives for another minute at least."""
        if self._token is None or self._expires_at is None or self._clock() >= self._expires_at - EARLY:
            await self._ask()
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Forget the token."""
        had, self._token = self._token is not None, None
        return had

    async def _ask(self) -> None:
        answer = await self._provider.call_any("POST", self._address + TOKEN_PATH, form=self._grant)
        if answer.status in {400, 401, 403}:
            raise ProviderCredentialsError(
                f"The OAuth client was refused (HTTP {answer.status}). Check client_id, client_secret and refresh_token"
            )
        self._provider.check(answer)
        document = json_object(answer)
        token, lifetime = document.get("access_token"), document.get("expires_in", 0)
        if not isinstance(token, str) or not token:
            raise ProviderUnavailableError("Unreadable answer (no access token)")
        self._token = token
        seconds = float(lifetime) if isinstance(lifetime, int | float | str) and str(lifetime).isdigit() else 0.0
        self._expires_at = self._clock() + max(timedelta(seconds=seconds), EARLY + timedelta(seconds=1))
        if isinstance(document.get("refresh_token"), str) and "refresh_token" in self._grant:
            self._grant["refresh_token"] = document["refresh_token"]


def auth_of(facts: Facts, provider: Provider, address: str, clock: Clock) -> tuple[Auth | None, tuple[str, ...]]:
    """Return how to prove oneself, None when facts are missing, and the names of the facts that are needed."""
    declared = (facts.find("auth.type", "config.auth_type", "auth.auth_type") or "").lower()
    client_id, client_secret = facts.find(*CLIENT_ID), facts.find(*CLIENT_SECRET)
    token = facts.find(*TOKEN)
    username, password = facts.find(*USERNAME), facts.find(*PASSWORD)
    if declared == "oauth2" or (not declared and client_id and client_secret and not (username and password)):
        if client_id and client_secret:
            grant = _grant(client_id, client_secret, facts.find(*REFRESH_TOKEN))
            return OAuth(provider, address, grant, clock), ()
        return (FixedAuth(f"Bearer {token}"), ()) if token else (None, ("client_id", "client_secret"))
    if declared in {"api_token", "bearer", "token"} or (not declared and token and not password):
        return (FixedAuth(f"Bearer {token}"), ()) if token else (None, ("api_token",))
    if username and password:
        return FixedAuth("Basic " + b64encode(f"{username}:{password}".encode()).decode()), ()
    return None, ("username", "password")


def _grant(client_id: str, client_secret: str, refresh_token: str | None) -> dict[str, str]:
    client = {"client_id": client_id, "client_secret": client_secret}
    if refresh_token:
        return {"grant_type": "refresh_token", "refresh_token": refresh_token, **client}
    return {"grant_type": "client_credentials", **client}
