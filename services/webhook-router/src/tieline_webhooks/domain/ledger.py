"""The ledger: what was received is delivered, pending, parked, dead or suppressed, and nothing else.

The unit is one delivery (an event for one route); an event that leads to no delivery counts once, as suppressed. Every
change of a delivery is booked together with the change itself, as a set of amounts that keeps the sum at zero, so the
books balance at every moment and wherever one looks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tieline_webhooks.domain.deliveries import State

RECEIVED: Final = "received"
NO_ROUTE: Final = "no_route"
DUPLICATE: Final = "duplicate"
SUPERSEDED: Final = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The books of one workspace. `suppressed` is by reason."""

    received: int = 0
    delivered: int = 0
    pending: int = 0
    parked: int = 0
    dead: int = 0
    suppressed: Mapping[str, int] = field(default_factory=dict)

    @property
    def suppressed_total(self) -> int:
        """How many were suppressed, for whatever reason."""
        return sum(self.suppressed.values())

    @property
    def balanced(self) -> bool:
        """Tell whether everything received is accounted for."""
        accounted = self.delivered + self.pending + self.parked + self.dead + self.suppressed_total
        return self.received == accounted


class Booking:
    """Amounts to add to the books of some workspaces."""

    def __init__(self) -> None:
        self._amounts: dict[str, Counter[str]] = {}

    def received(self, workspace_id: str, states: Iterable[State]) -> None:
        """Book the deliveries of a new event, each in the state it starts in."""
        amounts = self._of(workspace_id)
        for state in states:
            amounts[RECEIVED] += 1
            amounts[state.value] += 1

    def suppressed(self, workspace_id: str, reason: str) -> None:
        """Book an event that leads to no delivery."""
        amounts = self._of(workspace_id)
        amounts[RECEIVED] += 1
        amounts[f"suppressed.{reason}"] += 1

    def moved(self, workspace_id: str, before: State, after: State, reason: str | None = None) -> None:
        """Book a delivery's change of state."""
        amounts = self._of(workspace_id)
        amounts[_account(before, SUPERSEDED)] -= 1
        amounts[_account(after, reason or SUPERSEDED)] += 1

    def amounts(self) -> dict[str, dict[str, int]]:
        """Return what to add, by workspace and account; nothing that is zero."""
        found = {
            workspace_id: {account: amount for account, amount in amounts.items() if amount}
            for workspace_id, amounts in self._amounts.items()
        }
        return {workspace_id: amounts for workspace_id, amounts in found.items() if amounts}

    def _of(self, workspace_id: str) -> Counter[str]:
        return self._amounts.setdefault(workspace_id, Counter())


def _account(state: State, reason: str) -> str:
    return f"{state.value}.{reason}" if state is State.SUPPRESSED else state.value
