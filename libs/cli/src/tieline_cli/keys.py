"""Making keys: what `tieline keys generate` prints and a local stack makes for itself."""

import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tieline.secrets.keys import KEY_BYTES, encode_key

KUBERNETES_SECRETS: Final[dict[str, tuple[str, ...]]] = {
    "tieline-internal": ("TIELINE_INTERNAL__TOKEN",),
    "tieline-credentials": ("TIELINE_INTERNAL__CREDENTIALS_TOKEN",),
    "tieline-sealing": ("TIELINE_SECRETS__SEALING_PUBLIC_KEY",),
    "tieline-registry": ("TIELINE_SECRETS__MASTER_KEYS", "TIELINE_SECRETS__SEALING_PRIVATE_KEYS"),
    "tieline-webhook-router": ("TIELINE_WEBHOOKS__QUARANTINE_KEY",),
}
"""The Secrets that the manifests in deploy/k8s refer to: one per group of readers, so that none sees too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemKeys:
    """Every secret that an installation needs, in the form its settings take."""

    master_keys: str = field(repr=False)
    sealing_private_keys: str = field(repr=False)
    sealing_public_key: str
    internal_token: str = field(repr=False)
    credentials_token: str = field(repr=False)
    quarantine_key: str = field(repr=False)

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
            quarantine_key=encode_key(kid, os.urandom(KEY_BYTES)),
        )

    def as_environment(self) -> dict[str, str]:
        """Return the settings by the names of their environment variables."""
        return {
            "TIELINE_SECRETS__MASTER_KEYS": self.master_keys,
            "TIELINE_SECRETS__SEALING_PRIVATE_KEYS": self.sealing_private_keys,
            "TIELINE_SECRETS__SEALING_PUBLIC_KEY": self.sealing_public_key,
            "TIELINE_INTERNAL__TOKEN": self.internal_token,
            "TIELINE_INTERNAL__CREDENTIALS_TOKEN": self.credentials_token,
            "TIELINE_WEBHOOKS__QUARANTINE_KEY": self.quarantine_key,
        }

    def as_manifests(self, namespace: str) -> str:
        """Return the settings as Kubernetes Secrets, ready for `kubectl apply -f -`."""
        values = self.as_environment()
        secrets_of = [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {"app.kubernetes.io/part-of": "tieline"},
                },
                "stringData": {variable: values[variable] for variable in variables},
            }
            for name, variables in KUBERNETES_SECRETS.items()
        ]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets_of}, indent=2)


def key_id(day: date) -> str:
    """Return an id for keys made on `day`, such as `k20260321`."""
    return f"k{day:%Y%m%d}"
