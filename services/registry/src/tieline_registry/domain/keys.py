"""Whether an API key is good."""

from dataclasses import dataclass
from datetime import datetime

from tieline.contracts.commands import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """An API key that is stored, good or not, with its workspace's slug."""

    key: ApiKey
    workspace_slug: str

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the key is neither revoked nor expired."""
        return self.key.revoked_at is None and (self.key.expires_at is None or now < self.key.expires_at)
