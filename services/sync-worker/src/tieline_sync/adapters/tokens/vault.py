"""Keys for what this worker keeps for itself: names that tell nothing, and encryption of tokens at rest.

Both follow from the services' shared token, so all replicas agree. After that token has changed, what was stored does
not open any more and counts as missing; tokens are then got anew.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12  # 96 bits, as NIST SP 800-38D recommends for GCM


class Vault:
    """Keyed hashes, and AES-256-GCM with the value's place authenticated."""

    def __init__(self, shared_token: str) -> None:
        self._naming_key = _derived(shared_token, b"tieline sync-worker names")
        self._cipher = AESGCM(_derived(shared_token, b"tieline sync-worker tokens"))

    def name(self, *parts: str) -> str:
        """Return the same text for the same parts, from which they can't be had."""
        material = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.digest(self._naming_key, material, hashlib.sha256).hex()

    def seal(self, value: bytes, *, place: str) -> bytes:
        """Return `value` encrypted for one place."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes | None:
        """Return the value, None when it does not open here."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            return None


def _derived(shared_token: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(shared_token.encode())
