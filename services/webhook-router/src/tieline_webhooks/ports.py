"""What handlers need of the outside, in their own words; adapters fulfil it."""

from asyncio import Future
from collections.abc import Awaitable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from tieline.kafka.records import IncomingRecord

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import Blocked, Delivery, NotEditable, Outcome
from tieline_webhooks.domain.lanes import Lease
from tieline_webhooks.domain.ledger import Balance
from tieline_webhooks.domain.quarantine import QuarantineEntry
from tieline_webhooks.domain.routing import RoutedRecord
from tieline_webhooks.domain.selection import Selection

Place = tuple[datetime, str]
"""Where a page ends: the instant and the id of its last item."""


class Log(Protocol):
    """Where accepted events go."""

    def put(self, events: Iterable[tuple[AcceptedEvent, "Future[None]"]]) -> None:
        """Append events and tell each one's future once it is durable.

        It gets OverloadedError, SpoolFullError or RecordTooLargeError if it can't be.
        """
        ...

    def append_all(self, events: Sequence[AcceptedEvent]) -> Awaitable[None]:
        """Return once all of them are durable; raises what futures get, then some may be."""
        ...


class Secrets(Protocol):
    """What webhooks are verified with."""

    def of(self, integration_id: str) -> Sequence[str] | None:
        """Return an integration's secrets; None while they are not known yet."""
        ...


class Recorded(NamedTuple):
    """What a batch came to: the new deliveries, and the places (partition, offset) of events that came before."""

    deliveries: list[Delivery]
    repeated: frozenset[tuple[int, int]]


class RoutedStore(Protocol):
    """Where events and their deliveries are kept."""

    async def record(self, routed: Sequence[RoutedRecord]) -> Recorded:
        """Store what is new and book it, all or nothing.

        Events seen before are booked as duplicates and lead to nothing; records seen before (a redelivery) change
        nothing at all. Raises DatabaseUnavailableError.
        """
        ...


class HandedOver(NamedTuple):
    """A record of the log, and the agent that its event is for."""

    agent_id: str
    record: IncomingRecord


class Agents(Protocol):
    """Whom events are handed to besides channels."""

    async def hand_over(self, events: Sequence[HandedOver]) -> None:
        """Return once the agents have them, each agent in this order. Raises KafkaUnavailableError; then some may."""
        ...


class Wake(Protocol):
    """Told where there is something to send."""

    def wake(self, destinations: Iterable[str]) -> None:
        """Look at these destinations soon."""
        ...


class Lanes(Protocol):
    """Leases on destinations. All methods raise DatabaseUnavailableError."""

    async def take(self, destination: str, *, token: str, now: datetime) -> Lease | None:
        """Take a destination that nobody holds, or whose lease has expired; None if it is held."""
        ...

    async def extend(self, leases: Sequence[Lease], *, now: datetime) -> set[str]:
        """Hold on to destinations; return the tokens that are still in force."""
        ...

    async def give_back(self, leases: Sequence[Lease]) -> None:
        """Let go of destinations."""
        ...

    async def waiting(self, *, now: datetime, except_for: Collection[str], limit: int) -> list[str]:
        """Return destinations that have something due, other than those given; which, if there are more, is chance."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to send. `begun_by` is the token under which an earlier try was begun that nobody finished."""

    delivery: Delivery
    begun_by: str | None


class Deliveries(Protocol):
    """Deliveries between attempts. All methods raise DatabaseUnavailableError."""

    async def due(self, destination: str, *, now: datetime, limit: int) -> list[Due]:
        """Return up to `limit` deliveries due at a destination: those due longest, the oldest event first."""
        ...

    async def begin(self, due: Due, lease: Lease, *, now: datetime) -> bool:
        """Record that a delivery is about to be sent; False if somebody else took it or changed it meanwhile."""
        ...

    async def settle(
        self, before: Delivery, after: Delivery, lease: Lease, *, fallback: Delivery | None = None
    ) -> bool:
        """Record what became of a delivery and book it, as one; False if the lease was lost and nothing changed.

        `fallback` is a delivery that takes over; if there is one of its id already, that one does.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMessage:
    """What a channel shows about a subject: the message, the state it tells, and the event that put it there."""

    message_id: str
    state: str
    position: int
    received_at: datetime


class Messages(Protocol):
    """Which message tells about what. Raises DatabaseUnavailableError."""

    async def find(self, destination: str, subject: str) -> ShownMessage | None:
        """Return the message that tells about a subject at a destination, None if there is none."""
        ...

    async def save(self, destination: str, subject: str, shown: ShownMessage) -> None:
        """Remember it."""
        ...


class Accounts(Protocol):
    """Who to be on a channel."""

    async def of(self, workspace_id: str, channel: str) -> Account | Blocked:
        """Return the workspace's account on a channel, or why there is none. Raises RegistryUnavailableError."""
        ...


class LookupImpossibleError(Exception):
    """Whether a message is there can't be found out."""


class ChannelClient(Protocol):
    """Writes to one platform. What the platform or the network does is an outcome, never raised."""

    edits: bool
    """Whether a message can be changed in place."""

    async def post(self, account: Account, channel_id: str, body: dict[str, Any], *, delivery_id: str) -> Outcome:
        """Send a new message."""
        ...

    async def edit(
        self, account: Account, channel_id: str, message_id: str, body: dict[str, Any]
    ) -> Outcome | NotEditable:
        """Change a message in place."""
        ...

    async def find(self, account: Account, channel_id: str, *, delivery_id: str, since: datetime) -> str | None:
        """Return the id of the message that an earlier try of this delivery left, None if there is none.

        Raises LookupImpossibleError where the platform can't tell, or not now.
        """
        ...


class Announcer(Protocol):
    """Tells the world what became of deliveries."""

    def announce(self, delivery: Delivery, *, attempted: bool) -> None:
        """Publish the delivery as it is now, after an attempt or something else that changed it; never waits."""
        ...


class DeliveryList(Protocol):
    """Deliveries as operators see them. All methods raise DatabaseUnavailableError."""

    async def get(self, workspace_id: str, delivery_id: str) -> Delivery:
        """Return a delivery. Raises DeliveryNotFoundError."""
        ...

    async def page(self, workspace_id: str, selection: Selection, before: Place | None) -> list[Delivery]:
        """Return up to `selection.limit` deliveries, newest first, from behind `before` on."""
        ...


class QuarantineList(Protocol):
    """Refused webhooks as operators see them. All methods raise DatabaseUnavailableError."""

    async def list(self, workspace_id: str, *, before: Place | None, limit: int) -> Sequence[QuarantineEntry]:
        """Return entries, newest first, from behind `before` on."""
        ...

    async def remove(self, workspace_id: str, entry_id: str) -> bool:
        """Forget an entry; False if there is none."""
        ...


class EventList(Protocol):
    """Events of the past. Raises DatabaseUnavailableError."""

    async def page(self, workspace_id: str, *, before: Place | None, limit: int) -> list[AcceptedEvent]:
        """Return events, newest first, from behind `before` on, without bodies."""
        ...


class Ledger(Protocol):
    """The books. Raises DatabaseUnavailableError."""

    async def balance(self, workspace_id: str) -> Balance:
        """Return the books of a workspace; all zero if nothing was received."""
        ...
