"""Stream tokens: what a browser's `EventSource`, which sends no headers, proves itself with in the query.

A token lets its holder read one run's stream, for a short time, and nothing else.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

_PURPOSE = b"tieline stream tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamClaim:
    """Which run may be read, until when."""

    workspace_id: str
    integration_id: str
    run_id: str
    expires_at: datetime


class StreamTokens:
    """Signs and reads tokens with a key derived from the services' shared secret, so that every replica knows them."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)

    def issue(self, claim: StreamClaim) -> str:
        """Return the token of a claim."""
        fields = [claim.workspace_id, claim.integration_id, claim.run_id, int(claim.expires_at.timestamp())]
        body = _encoded(orjson.dumps(fields))
        return f"{body}.{self._signature(body)}"

    def claim_of(self, token: str, *, now: datetime) -> StreamClaim | None:
        """Return what a token claims, or None when it is not ours or has expired."""
        body, _, signature = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            return None
        try:
            workspace_id, integration_id, run_id, expires = orjson.loads(
                base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            )
        except (binascii.Error, ValueError, TypeError):
            return None
        expires_at = datetime.fromtimestamp(expires, UTC)
        if now >= expires_at:
            return None
        return StreamClaim(
            workspace_id=workspace_id, integration_id=integration_id, run_id=run_id, expires_at=expires_at
        )

    def _signature(self, body: str) -> str:
        return _encoded(hmac.digest(self._key, body.encode(), hashlib.sha256))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
