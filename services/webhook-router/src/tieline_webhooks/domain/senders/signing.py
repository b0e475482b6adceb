"""HMAC-SHA256 over raw bytes, compared in constant time against every secret and every signature.

Signatures are compared in the text form in which they were sent: decoding first would let several texts (upper case,
spare base64 bits) stand for one signature.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from tieline_webhooks.domain.senders.errors import (
    MalformedSignatureError,
    MissingSignatureError,
    NoSecretConfiguredError,
    SignatureMismatchError,
    StaleTimestampError,
)

Secret = str | bytes

MAX_SIGNATURES = 16  # during rotation a sender gives two; the rest of a long header is somebody's experiment

is_hex_sha256 = re.compile(r"[0-9a-f]{64}", re.ASCII).fullmatch
is_unix_seconds = re.compile(r"[0-9]{1,11}", re.ASCII).fullmatch


def keys_of(secrets: Sequence[Secret]) -> list[bytes]:
    """Return the secrets as bytes. Raises NoSecretConfiguredError; an empty one is none: all can sign with it."""
    keys = [secret.encode() if isinstance(secret, str) else secret for secret in secrets if secret]
    if not keys:
        raise NoSecretConfiguredError
    return keys


def require_hex(header: str, value: str | None, prefix: str, form: str) -> str:
    """Return the hex digits after `prefix`. Raises MissingSignatureError or MalformedSignatureError."""
    if not value:
        raise MissingSignatureError(header)
    digits = value[len(prefix) :]
    if not value.startswith(prefix) or is_hex_sha256(digits) is None:
        raise MalformedSignatureError(header, form)
    return digits


def check_hex(signed: bytes, signatures: Sequence[str], keys: Sequence[bytes]) -> None:
    """Raise SignatureMismatchError unless a key makes one of the lower-case hex `signatures`. Tries all, always."""
    matched = False
    for key in keys:
        expected = _signature(key, signed).hexdigest()
        for signature in signatures:
            matched |= hmac.compare_digest(expected, signature)
    if not matched:
        raise SignatureMismatchError(secrets_tried=len(keys))


def check_base64(signed: bytes, signatures: Sequence[str], keys: Sequence[bytes]) -> None:
    """Raise SignatureMismatchError unless a key makes one of the base64 `signatures`. Tries all, always."""
    matched = False
    for key in keys:
        expected = b64encode(_signature(key, signed).digest())
        for signature in signatures:
            matched |= hmac.compare_digest(expected, signature.encode())
    if not matched:
        raise SignatureMismatchError(secrets_tried=len(keys))


class _Digest(Protocol):
    """What of an HMAC object is used here."""

    def copy(self) -> "_Digest": ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


def _signature(key: bytes, signed: bytes) -> _Digest:
    made = _keyed(key).copy()
    made.update(signed)
    return made


@lru_cache(maxsize=1_024)
def _keyed(key: bytes) -> _Digest:
    """Return the digest of nothing under a key, to go on from: to begin takes as long as 4 KB do.

    OpenSSL's object itself where there is one, without the Python that `hmac` wraps around it.
    """
    begun = hmac.new(key, digestmod="sha256")
    digest: _Digest = getattr(begun, "_hmac", None) or begun
    return digest


def require_seconds(header: str, value: str | None) -> str:
    """Return a Unix time header as it came. Raises MissingSignatureError or MalformedSignatureError."""
    if not value:
        raise MissingSignatureError(header)
    if is_unix_seconds(value) is None:
        raise MalformedSignatureError(header, "a Unix time in seconds")
    return value


def check_age(sent_seconds: float, now: datetime, tolerance: timedelta) -> None:
    """Raise StaleTimestampError if the signed time is further from `now` than `tolerance`, either way."""
    if abs(now.timestamp() - sent_seconds) > tolerance.total_seconds():
        raise StaleTimestampError(sent_at=_instant(sent_seconds), now=now, tolerance=tolerance)


def _instant(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
