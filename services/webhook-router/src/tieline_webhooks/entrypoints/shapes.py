"""What the router's own API takes and returns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from tieline.routing.patterns import MAX_LIST_CHARS, RoutePatterns

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.deliveries import Delivery, State
from tieline_webhooks.domain.ledger import Balance
from tieline_webhooks.domain.quarantine import QuarantineEntry
from tieline_webhooks.domain.selection import MOST, Selection

Name = Annotated[str, Field(max_length=512)]


class Shape(BaseModel):
    """Fields are camelCase on the wire, as in surface C."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class AttemptShape(Shape):
    """One try."""

    at: datetime
    outcome: str
    detail: str
    milliseconds: int


class DeliveryShape(Shape):
    """One event to one route's destination."""

    id: str
    event_id: str
    event_type: str
    title: str
    project: str | None
    link: str | None
    route_id: str
    channel: str
    channel_id: str
    state: State
    reason: str | None
    attempts: int
    uncertain: bool
    message_id: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime
    history: list[AttemptShape]

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryShape":
        """Return a delivery as the API shows it."""
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            event_type=delivery.event.type,
            title=delivery.event.title,
            project=delivery.event.project,
            link=delivery.event.link,
            route_id=delivery.route_id,
            channel=delivery.channel,
            channel_id=delivery.channel_id,
            state=delivery.state,
            reason=delivery.reason,
            attempts=delivery.attempts,
            uncertain=delivery.uncertain,
            message_id=delivery.message_id,
            next_attempt_at=delivery.due if delivery.state is State.PENDING else None,
            created_at=delivery.created_at,
            updated_at=delivery.updated_at,
            history=[
                AttemptShape(at=each.at, outcome=each.outcome, detail=each.detail, milliseconds=each.milliseconds)
                for each in delivery.history
            ],
        )


class DeliveryPage(Shape):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryShape]
    next_cursor: str | None


class SelectionShape(Shape):
    """Which deliveries are meant: those that fit everything given. At least one thing has to be."""

    ids: Annotated[list[Name], Field(max_length=MOST)] | None = None
    state: State | None = None
    event_type: Annotated[str, Field(max_length=MAX_LIST_CHARS, description="Pattern, as in routes.")] | None = None
    route_id: Name | None = None
    channel: Name | None = None
    channel_id: Name | None = None
    event_id: Name | None = None
    reason: Name | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = MOST

    @property
    def empty(self) -> bool:
        """Whether nothing narrows it down."""
        return not self.model_fields_set - {"limit"}

    def selection(self) -> Selection:
        """Return the selection. Raises InvalidPatternError."""
        return Selection(
            ids=None if self.ids is None else frozenset(self.ids),
            states=None if self.state is None else frozenset({self.state}),
            channel=self.channel,
            channel_id=self.channel_id,
            route_id=self.route_id,
            event_id=self.event_id,
            reason=self.reason,
            patterns=None if self.event_type is None else RoutePatterns.parse(self.event_type),
            since=self.since,
            until=self.until,
            limit=self.limit,
        )


class DeliveryQuery(Shape):
    """Which deliveries to list, and from where on."""

    state: State | None = None
    event_type: Annotated[str, Field(max_length=MAX_LIST_CHARS, description="Pattern, as in routes.")] | None = None
    route_id: Name | None = None
    channel: Name | None = None
    channel_id: Name | None = None
    event_id: Name | None = None
    reason: Name | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=300)] | None = None

    def selection(self) -> Selection:
        """Return the selection. Raises InvalidPatternError."""
        return SelectionShape(**self.model_dump(exclude={"cursor"})).selection()


class Changed(Shape):
    """How many deliveries a request changed, and which."""

    count: int
    ids: list[str]


class LedgerShape(Shape):
    """The books of a workspace: received = delivered + pending + parked + dead + suppressed."""

    workspace_id: str
    as_of: datetime
    received: int
    delivered: int
    pending: int
    parked: int
    dead: int
    suppressed: int
    suppressed_by_reason: Mapping[str, int]
    balanced: bool

    @classmethod
    def of(cls, workspace_id: str, balance: Balance, as_of: datetime) -> "LedgerShape":
        """Return a balance as the API shows it."""
        return cls(
            workspace_id=workspace_id,
            as_of=as_of,
            received=balance.received,
            delivered=balance.delivered,
            pending=balance.pending,
            parked=balance.parked,
            dead=balance.dead,
            suppressed=balance.suppressed_total,
            suppressed_by_reason=balance.suppressed,
            balanced=balance.balanced,
        )


class QuarantineShape(Shape):
    """A refused webhook; its content stays sealed."""

    id: str
    source: str
    reason: str
    detail: str
    integration_id: str | None
    size: int
    times: int
    received_at: datetime
    last_received_at: datetime

    @classmethod
    def of(cls, entry: QuarantineEntry) -> "QuarantineShape":
        """Return an entry as the API shows it."""
        return cls(
            id=entry.id,
            source=entry.source,
            reason=entry.reason,
            detail=entry.detail,
            integration_id=entry.integration_id,
            size=entry.size,
            times=entry.times,
            received_at=entry.received_at,
            last_received_at=entry.last_received_at,
        )


class QuarantinePage(Shape):
    """A page of refused webhooks, newest first."""

    entries: list[QuarantineShape]
    next_cursor: str | None


class Reverified(Shape):
    """Whether a refused webhook is genuine by now; `reason` says why not."""

    verified: bool
    reason: str | None = None


class Replayed(Shape):
    """What became of a refused webhook that was taken in after all."""

    received: bool
    routed: bool = False
    agent_id: str | None = None
    event_id: str | None = None
    reason: str | None = None


class EventShape(Shape):
    """An event of the past, without its body."""

    id: str
    type: str
    aliases: list[str]
    source: str
    subject: str
    title: str
    severity: str
    level: str | None
    state: str | None
    project: str | None
    project_id: str | None
    link: str | None
    agent_id: str | None
    integration_id: str | None
    received_at: datetime
    occurred_at: datetime | None

    @classmethod
    def of(cls, accepted: AcceptedEvent) -> "EventShape":
        """Return an event as the API shows it."""
        event = accepted.event
        return cls(
            id=accepted.id,
            type=event.type,
            aliases=list(event.aliases),
            source=accepted.source,
            subject=event.subject,
            title=event.title,
            severity=event.severity,
            level=event.level,
            state=event.state,
            project=event.project,
            project_id=event.project_id,
            link=event.link,
            agent_id=accepted.agent_id,
            integration_id=accepted.integration_id,
            received_at=accepted.received_at,
            occurred_at=event.occurred_at,
        )


class EventPage(Shape):
    """A page of events, newest first."""

    events: list[EventShape]
    next_cursor: str | None


class ExplainRequest(Shape):
    """An event to explain: one of the past by its id, or one that need not have happened."""

    event_id: Name | None = None
    event_type: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    aliases: Annotated[list[Name], Field(max_length=8)] = []
    source: Name | None = None
    project: Name | None = None
    project_id: Name | None = None
    data: dict[str, Any] | None = None


class RouteVerdict(Shape):
    """What one route says to the event."""

    id: str
    event_type: str
    channel: str
    channel_id: str
    project_id: str | None
    enabled: bool
    takes: bool
    reason: str
    detail: str | None


class Explained(Shape):
    """What the routes of a workspace say to an event, those that take it first."""

    event_type: str
    routed: bool
    agent_id: str | None
    routes: list[RouteVerdict]


class WhatIfRequest(Shape):
    """A route to try on the events of the last days."""

    event_type: Annotated[str, Field(min_length=1, max_length=MAX_LIST_CHARS)]
    project_id: Name | None = None
    filter: dict[str, Any] | None = None
    days: Annotated[float, Field(gt=0, le=30)] = 7.0


class WhatIfAnswer(Shape):
    """What the route would have taken; at most 50,000 events are looked at, the newest."""

    looked_at: int
    matched: int
    cut_off: bool
    by_type: Mapping[str, int]
    samples: list[EventShape]


class PublishedEvent(Shape):
    """What became of an emitted event."""

    event_id: str
    routed: bool
    agent_id: str | None


class PublishedBatch(Shape):
    """What became of a batch of emitted events, in order."""

    received: bool
    events: list[PublishedEvent]


class PublishedOne(PublishedEvent):
    """What became of one emitted event."""

    received: bool
