"""Sealing what was refused: AES-256-GCM under the quarantine's own key ring, tied to workspace and entry."""

import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tieline.errors import PermanentError
from tieline.secrets.envelope import Ciphertext, DataKey, UndecryptableError
from tieline.secrets.keys import KEY_BYTES, encode_key, parse_key_ring

from tieline_webhooks.domain.quarantine import Webhook

SETTING = "TIELINE_WEBHOOKS__QUARANTINE_KEY"
FILE = "quarantine.key"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Webhook).decode


class SealLostError(PermanentError):
    """A quarantined webhook can't be opened: its key is no longer in the ring."""

    def __init__(self, kid: str) -> None:
        super().__init__(f"the quarantine key {kid} is not in {SETTING}")
        self.kid = kid


@dataclass(frozen=True, slots=True)
class Sealed:
    """A webhook nobody can read without the key `kid`."""

    kid: str
    data: bytes = field(repr=False)


class QuarantineSeal:
    """Seals with the first key of a ring, opens with any."""

    def __init__(self, ring: str) -> None:
        self._keys = {kid: DataKey(kid=kid, key=key) for kid, key in parse_key_ring(ring, setting=SETTING).items()}
        self._active = next(iter(self._keys.values()))

    @classmethod
    def of(cls, configured: str, folder: Path) -> "QuarantineSeal":
        """Return the seal of the configured ring; without one, of a key made once and kept in `folder`."""
        return cls(configured or _kept_key(folder / FILE))

    def seal(self, webhook: Webhook, workspace_id: str, entry_id: str) -> Sealed:
        """Return a webhook sealed for one entry."""
        sealed = self._active.encrypt_bytes(zlib.compress(_encode(webhook), 1), workspace_id, entry_id)
        return Sealed(sealed.kid, sealed.data)

    def open(self, sealed: Sealed, workspace_id: str, entry_id: str) -> Webhook:
        """Return the webhook. Raises SealLostError."""
        key = self._keys.get(sealed.kid)
        if key is None:
            raise SealLostError(sealed.kid)
        try:
            opened = key.decrypt_bytes(Ciphertext(kid=sealed.kid, data=sealed.data), workspace_id, entry_id)
        except UndecryptableError as error:
            raise SealLostError(sealed.kid) from error
        return _decode(zlib.decompress(opened))


def _kept_key(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        ring = encode_key("kept", os.urandom(KEY_BYTES))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(ring)
        return ring
