"""Sealing: anyone with the public key can encrypt a secret value, only the registry can open it.

HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM. The workspace, the command and the field are bound into it, so
a sealed value that is moved elsewhere does not open.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from tieline.contracts.commands import SealedSecret
from tieline.errors import PermanentError
from tieline.secrets.keys import parse_key_ring

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SealBrokenError(PermanentError):
    """A sealed value does not open: wrong key, or not where it was sealed for."""

    def __init__(self, kid: str, path: str) -> None:
        super().__init__(f"the sealed value of {path} does not open with key {kid}")
        self.kid, self.path = kid, path


class Sealer:
    """Encrypts to the registry's public key."""

    def __init__(self, public_key: str) -> None:
        ring = parse_key_ring(public_key, setting="TIELINE_SECRETS__SEALING_PUBLIC_KEY")
        self.kid, raw = next(iter(ring.items()))
        self._key = X25519PublicKey.from_public_bytes(raw)

    def seal(self, value: str, *, workspace_id: str, command_id: str, path: str) -> SealedSecret:
        """Return `value` sealed for one field of one command."""
        info = _context(workspace_id, command_id, path)
        return SealedSecret(kid=self.kid, sealed=_SUITE.encrypt(value.encode(), self._key, info))


class Opener:
    """Opens what was sealed to any key of the ring; the older ones serve commands that still wait in the log."""

    def __init__(self, private_keys: str) -> None:
        ring = parse_key_ring(private_keys, setting="TIELINE_SECRETS__SEALING_PRIVATE_KEYS")
        self._keys = {kid: X25519PrivateKey.from_private_bytes(raw) for kid, raw in ring.items()}

    def open(self, secret: SealedSecret, *, workspace_id: str, command_id: str, path: str) -> str:
        """Return the value. Raises SealBrokenError."""
        key = self._keys.get(secret.kid)
        if key is None:
            raise SealBrokenError(secret.kid, path)
        try:
            return _SUITE.decrypt(secret.sealed, key, _context(workspace_id, command_id, path)).decode()
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError(secret.kid, path) from error


def _context(*parts: str) -> bytes:
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
