"""Keys as settings carry them: `kid:base64url`, several separated by commas, the first one in use."""

import base64
import binascii

from tieline.errors import ConfigurationError

KEY_BYTES = 32


def parse_key_ring(text: str, *, setting: str) -> dict[str, bytes]:
    """Return the keys of `text` by their ids, in order: the first is used for what is new.

    Raises ConfigurationError naming `setting`; key material is not repeated.
    """
    ring: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        kid, separator, encoded = entry.partition(":")
        try:
            key = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (binascii.Error, ValueError):
            key = b""
        if not separator or not kid or len(key) != KEY_BYTES:
            raise ConfigurationError(f"{setting}: each key is `id:` and {KEY_BYTES} bytes in base64url")
        if kid in ring:
            raise ConfigurationError(f"{setting}: key id {kid} stands twice")
        ring[kid] = key
    if not ring:
        raise ConfigurationError(f"{setting} is not set; `tieline keys generate` makes one")
    return ring


def encode_key(kid: str, key: bytes) -> str:
    """Return one entry of a key ring."""
    return f"{kid}:{base64.urlsafe_b64encode(key).decode().rstrip('=')}"
