"""The ways to get a token that a workspace's own settings describe: four of surface E's six types of authentication."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tieline_sync.domain.providers.assertions import signed
from tieline_sync.domain.providers.reading import at
from tieline_sync.domain.providers.tokens import Token, TokenRequest, life_of, token_for

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JSON: Final = {"accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """What grants share that follow from nothing but their settings."""

    url: str
    token_path: str = "access_token"  # noqa: S105 - where the token stands, not a token
    default_life: timedelta = timedelta(hours=1)

    rotates = False

    def held(self) -> None:
        """Nothing is configured to start with."""
        return

    @property
    def origin(self) -> tuple[str, ...]:
        """Return what the token follows from."""
        raise NotImplementedError

    def origin_after(self, token: Token) -> tuple[str, ...]:
        """Return the same origin: these tokens are not saved with the integration."""
        del token
        return self.origin

    def read(self, document: Any, *, now: datetime, before: Token | None) -> Token | None:
        """Return the token at `token_path`; it lives as long as `expires_in` says, else as configured."""
        del before
        return _token(document, self.token_path, at(document, "expires_in"), self.default_life, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials(_Plain):
    """`oauth2_client_credentials`: RFC 6749, section 4.4, the client named in the form."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    id_field: str = "client_id"
    secret_field: str = "client_secret"  # noqa: S105 - the name of a field

    slot = ("client_credentials",)

    @property
    def origin(self) -> tuple[str, ...]:
        """Return what the token follows from."""
        return (self.url, self.client_id, self.client_secret, " ".join(self.scopes), self.token_path)

    def request(self, *, now: datetime, unique: str, before: Token | None) -> TokenRequest:
        """Return the request."""
        del now, unique, before
        form = {
            "grant_type": "client_credentials",
            self.id_field: self.client_id,
            self.secret_field: self.client_secret,
        }
        if self.scopes:
            form["scope"] = " ".join(self.scopes)
        return TokenRequest(url=self.url, headers=_JSON, form=form)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonExchange(_Plain):
    """`json_token_exchange`: id and secret as a JSON object, under names that the settings give."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    id_field: str = "client_id"
    secret_field: str = "client_secret"  # noqa: S105 - the name of a field

    slot = ("json_exchange",)

    @property
    def origin(self) -> tuple[str, ...]:
        """Return what the token follows from."""
        fields = (self.id_field, self.secret_field, self.token_path)
        return (self.url, self.client_id, self.client_secret, " ".join(self.scopes), *fields)

    def request(self, *, now: datetime, unique: str, before: Token | None) -> TokenRequest:
        """Return the request."""
        del now, unique, before
        body = {self.id_field: self.client_id, self.secret_field: self.client_secret}
        if self.scopes:
            body["scope"] = " ".join(self.scopes)
        return TokenRequest(url=self.url, headers=_JSON, json=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtBearer(_Plain):
    """`oauth2_jwt_bearer`: RFC 7523, section 2.1. The scopes go into the form, or into the assertion."""

    issuer: str
    subject: str
    audience: str
    private_key: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    scopes_in_assertion: bool = False

    slot = ("jwt_bearer",)

    @property
    def origin(self) -> tuple[str, ...]:
        """Return what the token follows from."""
        scopes = (" ".join(self.scopes), str(self.scopes_in_assertion))
        return (self.url, self.issuer, self.subject, self.audience, self.private_key, *scopes, self.token_path)

    def request(self, *, now: datetime, unique: str, before: Token | None) -> TokenRequest:
        """Return the request. Raises NotConfiguredError when the key can't sign."""
        del before
        claims = {"iss": self.issuer, "sub": self.subject, "aud": self.audience}
        scope = " ".join(self.scopes)
        if scope and self.scopes_in_assertion:
            claims["scope"] = scope
        assertion = signed(claims, private_key=self.private_key, now=now, unique=unique)
        form = {"grant_type": JWT_BEARER, "assertion": assertion}
        if scope and not self.scopes_in_assertion:
            form["scope"] = scope
        return TokenRequest(url=self.url, headers=_JSON, form=form)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderExchange(_Plain):
    """`bearer_token_exchange`: a long-lived secret in one header, values of the call in others, a token back.

    The values are part of the slot, so that different users have different tokens.
    """

    secret_header: str
    secret_value: str = field(repr=False)
    param_headers: tuple[tuple[str, str], ...] = ()
    life_path: str | None = None

    @property
    def slot(self) -> tuple[str, ...]:
        """Return the name of the token: the values it was asked with."""
        return ("header_exchange", *(f"{name}={value}" for name, value in self.param_headers))

    @property
    def origin(self) -> tuple[str, ...]:
        """Return what the token follows from."""
        return (self.url, self.secret_header, self.secret_value, *self.slot, self.token_path, self.life_path or "")

    def request(self, *, now: datetime, unique: str, before: Token | None) -> TokenRequest:
        """Return the request."""
        del now, unique, before
        headers = {**_JSON, **dict(self.param_headers), self.secret_header: self.secret_value}
        return TokenRequest(url=self.url, headers=headers)

    def read(self, document: Any, *, now: datetime, before: Token | None) -> Token | None:
        """Return the token; it lives as long as the configured field says, else as configured."""
        del before
        stated = found(document, self.life_path) if self.life_path else None
        return _token(document, self.token_path, stated, self.default_life, now)


def _token(document: Any, path: str, stated_life: Any, default_life: timedelta, now: datetime) -> Token | None:
    value = found(document, path)
    if not isinstance(value, str) or not value.strip():
        return None
    return token_for(value.strip(), life=life_of(stated_life) or default_life, now=now)


def found(document: Any, path: str) -> Any:
    """Return what stands at a dotted path, or under a key that holds dots itself; None when there is nothing."""
    if isinstance(document, Mapping) and path in document:
        return document[path]
    return at(document, *_keys(path.removeprefix("$.").split(".")))


def _keys(parts: Sequence[str]) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in parts]
