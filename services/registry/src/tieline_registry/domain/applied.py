"""A command that has been applied: what is remembered of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedCommand:
    """A command with its reply as JSON.

    `record` names the Kafka record it was applied from: the same record again is a redelivery, another record with the
    same command is a caller that repeats itself. `fingerprint` tells two bodies under one idempotency key apart.
    """

    command_id: str
    workspace_id: str
    type: str
    fingerprint: str
    record: str
    reply_json: bytes = field(repr=False)

    def is_repeated_by(self, *, workspace_id: str, fingerprint: str) -> bool:
        """Tell whether a command with this id is the same command again."""
        return (self.workspace_id, self.fingerprint) == (workspace_id, fingerprint)
