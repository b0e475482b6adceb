"""Where in a run's events a stream starts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A run, the offset wanted next, and the sequence of the last event the client has.

    `partition` None: the run is about to be started, and nothing of it is in the topic yet. `is_over`: its last event
    is in the topic, if it is still kept.
    """

    workspace_id: str
    integration_id: str
    run_id: str
    partition: int | None = None
    offset: int = 0
    sequence: int = -1
    is_over: bool = False


class RunOver:
    """The answer for a client that has seen a run's last event."""
