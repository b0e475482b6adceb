"""OAuth 2's authorization code: exchanged once, then refreshed; a new refresh token takes the old one's place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from tieline_sync.domain.providers.errors import CredentialsRefusedError
from tieline_sync.domain.providers.reading import at, text
from tieline_sync.domain.providers.tokens import EARLY, Token, TokenRequest, life_of, token_for

TOKEN_URLS: Final[Mapping[str, str]] = {
    "confluence": "https://auth.atlassian.com/oauth/token",
    "github": "https://github.com/login/oauth/access_token",
    "jira": "https://auth.atlassian.com/oauth/token",
    "linear": "https://api.linear.app/oauth/token",
    "pagerduty": "https://identity.pagerduty.com/oauth/token",
    "sentry": "https://sentry.io/oauth/token/",
    "slack": "https://slack.com/api/oauth.v2.access",
}
"""Where the vendors give tokens, as their documents say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthApp:
    """The app that a person has authorized at a vendor. `redirect_uri` is repeated when a code is exchanged."""

    client_id: str
    client_secret: str = field(repr=False)
    token_url: str
    redirect_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """What a person's consent has given: a code, or tokens that came of one."""

    app: OAuthApp
    code: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    slot = ("authorization_code",)
    rotates = True

    @property
    def origin(self) -> tuple[str, ...]:
        """Return what the tokens follow from: what the person's consent gave, not what is known of its age."""
        return (
            self.app.token_url,
            self.app.client_id,
            self.code or "",
            self.access_token or "",
            self.refresh_token or "",
        )

    def held(self) -> Token | None:
        """Return the access token that was saved with the integration."""
        if self.access_token is None:
            return None
        until = self.expires_at
        return Token(
            value=self.access_token,
            renew_at=None if until is None else until - EARLY,
            expires_at=until,
            refresh_token=self.refresh_token,
        )

    def request(self, *, now: datetime, unique: str, before: Token | None) -> TokenRequest:
        """Return the refresh, or the exchange of the code when there is no refresh token yet."""
        del now, unique
        client = {"client_id": self.app.client_id, "client_secret": self.app.client_secret}
        refresh_token = (before.refresh_token if before else None) or self.refresh_token
        if refresh_token is not None:
            grant = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        elif self.code is not None and before is None:
            redirect = {"redirect_uri": self.app.redirect_uri} if self.app.redirect_uri else {}
            grant = {"grant_type": "authorization_code", "code": self.code, **redirect}
        else:
            raise CredentialsRefusedError("The access token is not accepted, and there is no refresh token")
        return TokenRequest(url=self.app.token_url, headers={"accept": "application/json"}, form={**grant, **client})

    def read(self, document: Any, *, now: datetime, before: Token | None) -> Token | None:
        """Return the new token; where no new refresh token came, the old one stays in use."""
        value = text(document, "access_token") or text(document, "authed_user", "access_token")
        if not value:
            return None
        refresh_token = text(document, "refresh_token") or (before.refresh_token if before else None)
        life = life_of(at(document, "expires_in"))
        return token_for(value, life=life, now=now, refresh_token=refresh_token or self.refresh_token)

    def origin_after(self, token: Token) -> tuple[str, ...]:
        """Return what the next token follows from once this one is saved in the place of what was there."""
        saved = replace(self, code=None, access_token=token.value, refresh_token=token.refresh_token)
        return saved.origin


def instant_of(value: Any) -> datetime | None:
    """Return an instant that was saved as ISO 8601, in UTC where it has no zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
