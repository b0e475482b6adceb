"""API keys and what they may do.

A key is `tl_` and 200 random bits in base32, so a plain SHA-256 is enough to store it by. It is shown once.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PERMISSIONS: Final = frozenset(
    {
        "integration.view",
        "integration.create",
        "integration.edit",
        "integration.delete",
        "integration.sync",
        "route.view",
        "route.edit",
        "event.view",
        "event.publish",
        "apikey.manage",
    }
)

KEY_HEADERS: Final = ("x-api-key", "x-authorization", "authorization")
"""The headers a key may come in, looked at in this order; `Bearer ` in front is optional in all of them."""

_PREFIX = "tl_"
LONGEST_KEY = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls, proved by a key."""

    key_id: str
    user_id: str
    workspace_id: str
    workspace_slug: str
    permissions: frozenset[str]

    def may(self, permission: str) -> bool:
        """Tell whether this principal has `permission`; upper and lower case are the same."""
        return permission.lower() in self.permissions

    def names(self, reference: str) -> bool:
        """Tell whether `reference`, an id or a slug, is this principal's workspace."""
        return reference in {self.workspace_id, self.workspace_slug}


def generate_key() -> str:
    """Return a new API key."""
    return _PREFIX + base64.b32encode(secrets.token_bytes(25)).decode().lower()


def hash_key(key: str) -> str:
    """Return what a key is stored and looked up by: its SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def hint(key: str) -> str:
    """Return the last four characters of a key, which tell it apart in a list."""
    return key[-4:]


def key_from_headers(headers: Mapping[str, str]) -> str | None:
    """Return the API key a request carries, or None. `headers` has lower-case names."""
    for name in KEY_HEADERS:
        value = headers.get(name, "").strip()
        if value[:6].lower() == "bearer":
            value = value[6:].strip()
        if value and len(value) <= LONGEST_KEY:
            return value
    return None
