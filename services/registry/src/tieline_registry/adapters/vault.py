"""Secrets at rest: encrypted under their workspace's data key, bound to the place where they stand."""

from collections.abc import Mapping

from tieline.ids import derived_id
from tieline.secrets.envelope import Ciphertext, DataKey, MasterKeys

from tieline_registry.domain.state import PlainSecret, Secret, StoredIntegration, WrappedKey

_KID_LENGTH = 13


class Vault:
    """Encrypts and opens secret values. Data keys are unwrapped for each use and not kept."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    @property
    def active_kid(self) -> str:
        """Return the id of the master key that wraps what is new."""
        return self._keys.active

    def new_key(self, workspace_id: str) -> WrappedKey:
        """Return a fresh data key for a workspace, wrapped."""
        kid = derived_id("data-key", workspace_id)[:_KID_LENGTH]
        _, wrapped = self._keys.new_data_key(kid, workspace_id)
        return WrappedKey(kid=kid, wrapped=wrapped)

    def rewrapped(self, key: WrappedKey, workspace_id: str) -> WrappedKey:
        """Return the same data key wrapped by the active master key. Raises UndecryptableError."""
        return WrappedKey(kid=key.kid, wrapped=self._keys.wrap(self._open(key, workspace_id), workspace_id))

    def encrypted(self, stored: StoredIntegration, key: WrappedKey) -> dict[str, Ciphertext]:
        """Return an integration's secrets, those that are new encrypted. Raises UndecryptableError."""
        if not any(isinstance(secret, PlainSecret) for secret in stored.secrets.values()):
            return {path: secret for path, secret in stored.secrets.items() if isinstance(secret, Ciphertext)}
        integration = stored.integration
        data_key = self._open(key, integration.workspace_id)
        return {
            path: data_key.encrypt(secret.value, integration.workspace_id, integration.id, path)
            if isinstance(secret, PlainSecret)
            else secret
            for path, secret in stored.secrets.items()
        }

    def opened(
        self, workspace_id: str, integration_id: str, secrets: Mapping[str, Secret], key: WrappedKey
    ) -> dict[str, str]:
        """Return the values of an integration's encrypted secrets. Raises UndecryptableError."""
        if not secrets:
            return {}
        data_key = self._open(key, workspace_id)
        return {
            path: data_key.decrypt(secret, workspace_id, integration_id, path)
            for path, secret in secrets.items()
            if isinstance(secret, Ciphertext)
        }

    def _open(self, key: WrappedKey, workspace_id: str) -> DataKey:
        return self._keys.unwrap(key.kid, key.wrapped, workspace_id)
