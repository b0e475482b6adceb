"""JWT assertions (RFC 7523): a statement about ourselves, signed with the integration's private key."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from tieline_sync.domain.providers.errors import NotConfiguredError

LIFE: Final = timedelta(minutes=3)  # enough for clocks that differ; one large vendor accepts no more
_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
SHORTEST_RSA_BITS: Final = 2048


def signed(claims: Mapping[str, Any], *, private_key: str, now: datetime, unique: str) -> str:
    """Return `claims` with times and an id as a JWT, signed by RS256, ES256/384/512 or Ed25519 as the key demands.

    `private_key` is PEM or a JWK; a JWK's `kid` goes into the header. Raises NotConfiguredError for any other.
    """
    key = _imported(private_key.strip())
    header: dict[str, Any] = {"alg": _algorithm(key)}
    if key.kid is not None:
        header["kid"] = key.kid
    issued = int(now.timestamp())
    times = {"iat": issued, "exp": issued + int(LIFE.total_seconds()), "jti": unique}
    try:
        return jwt.encode(header, {**claims, **times}, key, algorithms=[header["alg"]])
    except (JoseError, ValueError, TypeError) as error:
        raise NotConfiguredError("auth.private_key can't sign") from error


def _imported(text: str) -> Key:
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            # A PEM that was copied out of a JSON file has its line ends written as two characters.
            key: Key = kind.import_key(json.loads(text) if text.startswith("{") else text.replace("\\n", "\n"))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if key.is_private:
            return key
    # What the library says of a key may quote it, so it is not passed on.
    raise NotConfiguredError("auth.private_key is not a private key in PEM or JWK form")


def _algorithm(key: Key) -> str:
    if isinstance(key, RSAKey):
        if key.raw_value.key_size < SHORTEST_RSA_BITS:
            raise NotConfiguredError(f"auth.private_key has fewer than {SHORTEST_RSA_BITS} bits")
        return "RS256"
    if isinstance(key, ECKey) and key.curve_name in _CURVES:
        return _CURVES[key.curve_name]
    if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
        return "Ed25519"
    raise NotConfiguredError("auth.private_key is of a kind that can't sign assertions")
