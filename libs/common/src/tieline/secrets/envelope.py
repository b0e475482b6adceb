"""Encryption at rest: AES-256-GCM under a data key per workspace, which is wrapped by a master key.

Ciphertexts carry the id of the data key, wrapped data keys the id of the master key. The place of a value (workspace,
integration, field) is authenticated with it, so ciphertexts can't be swapped.
"""

import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tieline.errors import PermanentError
from tieline.secrets.keys import KEY_BYTES, parse_key_ring

NONCE_BYTES = 12  # 96 bits, as NIST SP 800-38D recommends for GCM


class UndecryptableError(PermanentError):
    """A ciphertext does not open: its key is gone, or it stands where it was not encrypted for."""

    def __init__(self, kid: str, place: tuple[str, ...]) -> None:
        super().__init__(f"the value at {'/'.join(place)} does not open with key {kid}")
        self.kid, self.place = kid, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphertext:
    """Nonce and encrypted value, and the id of the key that opens it."""

    kid: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A workspace's key, open, in memory only."""

    kid: str
    key: bytes = field(repr=False)

    def encrypt(self, value: str, *place: str) -> Ciphertext:
        """Return `value` encrypted for `place`."""
        return _encrypt(self.kid, self.key, value.encode(), place)

    def encrypt_bytes(self, value: bytes, *place: str) -> Ciphertext:
        """Return `value` encrypted for `place`."""
        return _encrypt(self.kid, self.key, value, place)

    def decrypt(self, ciphertext: Ciphertext, *place: str) -> str:
        """Return the value. Raises UndecryptableError."""
        return self.decrypt_bytes(ciphertext, *place).decode()

    def decrypt_bytes(self, ciphertext: Ciphertext, *place: str) -> bytes:
        """Return the value. Raises UndecryptableError."""
        if ciphertext.kid != self.kid:
            raise UndecryptableError(ciphertext.kid, place)
        return _decrypt(self.key, ciphertext, place)


class MasterKeys:
    """The key ring that wraps data keys. The first key wraps what is new; all of them unwrap."""

    def __init__(self, keys: str) -> None:
        self._ring = parse_key_ring(keys, setting="TIELINE_SECRETS__MASTER_KEYS")
        self.active = next(iter(self._ring))

    def new_data_key(self, kid: str, workspace_id: str) -> tuple[DataKey, Ciphertext]:
        """Return a fresh data key and its wrapped form for storage."""
        key = DataKey(kid=kid, key=os.urandom(KEY_BYTES))
        return key, self.wrap(key, workspace_id)

    def wrap(self, key: DataKey, workspace_id: str) -> Ciphertext:
        """Return `key` wrapped by the active master key."""
        return _encrypt(self.active, self._ring[self.active], key.key, (workspace_id, key.kid))

    def unwrap(self, kid: str, wrapped: Ciphertext, workspace_id: str) -> DataKey:
        """Return the data key `kid`. Raises UndecryptableError."""
        master = self._ring.get(wrapped.kid)
        if master is None:
            raise UndecryptableError(wrapped.kid, (workspace_id, kid))
        return DataKey(kid=kid, key=_decrypt(master, wrapped, (workspace_id, kid)))


def _encrypt(kid: str, key: bytes, value: bytes, place: tuple[str, ...]) -> Ciphertext:
    nonce = os.urandom(NONCE_BYTES)
    return Ciphertext(kid=kid, data=nonce + AESGCM(key).encrypt(nonce, value, _associated(kid, place)))


def _decrypt(key: bytes, ciphertext: Ciphertext, place: tuple[str, ...]) -> bytes:
    nonce, data = ciphertext.data[:NONCE_BYTES], ciphertext.data[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, data, _associated(ciphertext.kid, place))
    except (InvalidTag, ValueError) as error:
        raise UndecryptableError(ciphertext.kid, place) from error


def _associated(kid: str, place: tuple[str, ...]) -> bytes:
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in (kid, *place))
