"""Making keys: what `tieline keys generate` prints and a local stack makes for itself."""

import os
import secrets
from dataclasses import dataclass, field
from datetime import date

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tieline.secrets.keys import KEY_BYTES, encode_key


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemKeys:
    """Every secret that an installation needs, in the form its settings take."""

    master_keys: str = field(repr=False)
    sealing_private_keys: str = field(repr=False)
    sealing_public_key: str
    internal_token: str = field(repr=False)
    credentials_token: str = field(repr=False)

    @classmethod
    def generate(cls, kid: str) -> "SystemKeys":
        """Return fresh keys under the id `kid`."""
        sealing = X25519PrivateKey.generate()
        return cls(
            master_keys=encode_key(kid, os.urandom(KEY_BYTES)),
            sealing_private_keys=encode_key(kid, sealing.private_bytes_raw()),
            sealing_public_key=encode_key(kid, sealing.public_key().public_bytes_raw()),
            internal_token=secrets.token_urlsafe(32),
            credentials_token=secrets.token_urlsafe(32),
        )

    def as_environment(self) -> dict[str, str]:
        """Return the settings by the names of their environment variables."""
        return {
            "TIELINE_SECRETS__MASTER_KEYS": self.master_keys,
            "TIELINE_SECRETS__SEALING_PRIVATE_KEYS": self.sealing_private_keys,
            "TIELINE_SECRETS__SEALING_PUBLIC_KEY": self.sealing_public_key,
            "TIELINE_INTERNAL__TOKEN": self.internal_token,
            "TIELINE_INTERNAL__CREDENTIALS_TOKEN": self.credentials_token,
        }


def key_id(day: date) -> str:
    """Return an id for keys made on `day`, such as `k20260321`."""
    return f"k{day:%Y%m%d}"
