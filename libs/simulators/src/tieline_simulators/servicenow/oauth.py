"""ServiceNow's `/oauth_token.do`: client credentials, password and refresh token grants."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

MAX_TOKENS = 10_000
ACCESS_SECONDS = 1_799.0


@dataclass(frozen=True, slots=True)
class _Issued:
    kind: str
    expires_at: float


class TokenIssuer:
    """Access and refresh tokens that were handed out; the newest 10,000 are remembered."""

    def __init__(self) -> None:
        self.clients: Mapping[str, str] | None = None
        """Secrets by client id; None accepts any client that names itself."""
        self.access_seconds = ACCESS_SECONDS
        self._issued: OrderedDict[str, _Issued] = OrderedDict()

    def knows_client(self, client_id: str, secret: str) -> bool:
        """Say whether client id and secret belong together."""
        if self.clients is None:
            return bool(client_id and secret)
        return bool(secret) and self.clients.get(client_id) == secret

    def issue(self, *, now: float, with_refresh: bool) -> dict[str, object]:
        """Return a token answer."""
        answer: dict[str, object] = {
            "access_token": self._new("access", now + self.access_seconds),
            "scope": "useraccount",
            "token_type": "Bearer",
            "expires_in": int(self.access_seconds),
        }
        if with_refresh:
            answer["refresh_token"] = self._new("refresh", float("inf"))
        return answer

    def is_live(self, token: str, kind: str, now: float) -> bool:
        """Say whether we issued this token and it has not expired."""
        issued = self._issued.get(token)
        return issued is not None and issued.kind == kind and now < issued.expires_at

    def was_issued(self, token: str) -> bool:
        """Say whether the token is one of ours, live or not."""
        return token in self._issued

    def _new(self, kind: str, expires_at: float) -> str:
        token = secrets.token_urlsafe(32)
        self._issued[token] = _Issued(kind, expires_at)
        if len(self._issued) > MAX_TOKENS:
            self._issued.popitem(last=False)
        return token
