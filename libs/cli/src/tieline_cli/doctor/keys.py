"""The keys, as far as they are in this environment: well formed, and fitting each other."""

import os
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tieline.errors import ConfigurationError
from tieline.secrets.keys import parse_key_ring

from tieline_cli.doctor.findings import Finding, bad, good, skipped

_MASTER = "TIELINE_SECRETS__MASTER_KEYS"
_PRIVATE = "TIELINE_SECRETS__SEALING_PRIVATE_KEYS"
_PUBLIC = "TIELINE_SECRETS__SEALING_PUBLIC_KEY"
_QUARANTINE = "TIELINE_WEBHOOKS__QUARANTINE_KEY"


def examine(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Look at the keys that this environment holds; the others can't be seen from here."""
    rings: dict[str, dict[str, bytes]] = {}
    found: list[Finding] = []
    for name in (_MASTER, _PRIVATE, _PUBLIC, _QUARANTINE):
        if not environment.get(name):
            continue
        try:
            rings[name] = parse_key_ring(environment[name], setting=name)
        except ConfigurationError as error:
            found.append(bad("keys", str(error), "Take the value from the secret store again, whole."))
        else:
            found.append(good("keys", f"{name}: {', '.join(rings[name])}"))
    if _PUBLIC in rings and _PRIVATE in rings:
        found.append(_fit(rings[_PUBLIC], rings[_PRIVATE]))
    return found or [skipped("keys", "none is in this environment; run it where a service runs to check its own")]


def _fit(public: Mapping[str, bytes], private: Mapping[str, bytes]) -> Finding:
    kid, key = next(iter(public.items()))
    own = private.get(kid)
    if own is None:
        return bad("keys", f"the registry has no private key {kid}", f"Add {kid} to {_PRIVATE} before sealing to it.")
    if X25519PrivateKey.from_private_bytes(own).public_key().public_bytes_raw() != key:
        return bad("keys", f"the public key {kid} is not that of the private key {kid}", "Take both from one making.")
    return good("keys", f"what is sealed to {kid} can be opened")
