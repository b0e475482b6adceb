"""Tokens, and the requests that get them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

EARLY: Final = timedelta(seconds=60)  # a token is renewed this long before it expires, or a quarter of its life
LONGEST_LIFE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token. `renew_at` is when to get the next one, None when only a refusal can tell.

    `generation` counts the tokens that a slot has had, so that a refused one is told from its successor.
    """

    value: str = field(repr=False)
    renew_at: datetime | None = None
    expires_at: datetime | None = None
    refresh_token: str | None = field(default=None, repr=False)
    generation: int = 0

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether the token can be used without a thought."""
        return self.renew_at is None or now < self.renew_at


def token_for(value: str, *, life: timedelta | None, now: datetime, refresh_token: str | None = None) -> Token:
    """Return a token that lives that long from now; None: nobody knows how long."""
    if life is None:
        return Token(value=value, refresh_token=refresh_token)
    bounded = min(max(life, timedelta(seconds=1)), LONGEST_LIFE)
    return Token(
        value=value,
        renew_at=now + bounded - min(EARLY, bounded / 4),
        expires_at=now + bounded,
        refresh_token=refresh_token,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A request to a token endpoint: a form, or JSON, or no body at all."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Mapping[str, str] | None = field(default=None, repr=False)

    def secrets(self) -> list[str]:
        """Return all values that may be secret, for scrubbing."""
        return [*self.headers.values(), *(self.form or {}).values(), *(self.json or {}).values()]


class Grant(Protocol):
    """A way to get tokens.

    `slot` names the token among those of the integration. `origin` is all that the token follows from, secret values
    included; only its keyed hash is ever kept. When it changes, tokens got before are not used any more. A grant that
    `rotates` follows from the token before: its refresh token may be replaced by each answer.
    """

    @property
    def slot(self) -> tuple[str, ...]:
        """Return the name of the token."""
        ...

    @property
    def origin(self) -> tuple[str, ...]:
        """Return what the token follows from."""
        ...

    @property
    def rotates(self) -> bool:
        """Tell whether an answer may replace what the next token is got with."""
        ...

    def origin_after(self, token: Token) -> tuple[str, ...]:
        """Return the origin once `token` is saved with the integration."""
        ...

    def held(self) -> Token | None:
        """Return the token that is configured to start with, None when one has to be got first."""
        ...

    def request(self, *, now: datetime, unique: str, before: Token | None) -> TokenRequest:
        """Return the request. `unique` is an id for this request alone, `before` the token that is to be replaced.

        Raises CredentialsRefusedError when there is nothing to get a token with any more.
        """
        ...

    def read(self, document: Any, *, now: datetime, before: Token | None) -> Token | None:
        """Return the token of an answer, None when it holds none."""
        ...


def life_of(value: Any) -> timedelta | None:
    """Return a length of time given in seconds as number or text, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return timedelta(seconds=min(seconds, LONGEST_LIFE.total_seconds())) if seconds > 0 else None


def refusal_of(document: Any) -> str | None:
    """Return the registered code of an OAuth error answer, such as `invalid_grant`, or None."""
    code = document.get("error") if isinstance(document, Mapping) else None
    if isinstance(code, str) and 0 < len(code) <= 64 and code.replace("_", "").replace("-", "").isalnum():
        return code
    return None
