"""A delivery: one event to one route's destination, and what each attempt makes of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tieline.ids import derived_id

from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.retries import Uniform, asked_wait, wait_before

MAX_AGE: Final = timedelta(hours=72)  # of trying; a destination that only ever says "later" is given up after this
MAX_HISTORY: Final = 20
FALLBACK_AFTER: Final = 4
"""Failed attempts, two and a half minutes by the schedule, after which a route's fallback takes over."""


class State(StrEnum):
    """Where a delivery stands. Every delivery is in exactly one; the ledger counts them."""

    PENDING = "pending"
    DELIVERED = "delivered"
    PARKED = "parked"
    DEAD = "dead"
    SUPPRESSED = "suppressed"


class Parked(StrEnum):
    """Why a delivery waits for somebody to do something."""

    ROUTE_DISABLED = "route_disabled"
    ROUTE_DELETED = "route_deleted"
    NOT_CONFIGURED = "integration_not_configured"
    INTEGRATION_DISABLED = "integration_disabled"
    CREDENTIALS_REFUSED = "credentials_refused"
    CHANNEL_UNAVAILABLE = "channel_unavailable"
    FELL_BACK = "fell_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The destination has the message. `message_id` is its id there, to edit it later; `edited` an older one was.

    `found`: an earlier try had left it there, and nothing was sent. `pause` is how long the destination wants nothing
    more.
    """

    message_id: str | None = None
    edited: bool = False
    found: bool = False
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """The destination asked to come back later; no failure. `account`: it meant all of the account's destinations."""

    retry_after: timedelta
    account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The destination did not take it, for a reason that may pass. `answer_lost`: it may have taken it all the same."""

    detail: str
    answer_lost: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The destination will never take this message."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Nothing can be sent until somebody changes something."""

    reason: Parked
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """A later state of the same thing is shown already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEditable:
    """The message to edit is gone, or too old; a new one has to be sent. Never the last word on a delivery."""


Outcome = Delivered | RateLimited | Failed | Refused | Blocked | Superseded


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try, for people to read. `milliseconds` is how long the destination took."""

    at: datetime
    outcome: str
    detail: str = ""
    milliseconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event to one destination. `position` orders the events of one subject: later ones are greater.

    `attempts` counts failed tries and the one that ended it; `uncertain` says that an answer was lost and the message
    may be there already, or twice once it is delivered. `forced`: somebody asked for it to be sent, whatever became of
    its route, and `since` when: then its tries begin anew. `traceparent` ties its attempts to the trace of its event.
    """

    id: str
    workspace_id: str
    event_id: str
    event: NormalisedEvent
    route_id: str
    channel: str
    channel_id: str
    position: int
    state: State
    reason: str | None = None
    due: datetime
    created_at: datetime
    updated_at: datetime
    attempts: int = 0
    uncertain: bool = False
    message_id: str | None = None
    replays: int = 0
    forced: bool = False
    since: datetime | None = None
    traceparent: str | None = None
    history: tuple[Attempt, ...] = field(default=(), repr=False)

    @property
    def finished(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state in {State.DELIVERED, State.DEAD, State.SUPPRESSED}

    @property
    def destination(self) -> str:
        """What is sent to one after the other: one channel of one workspace."""
        return destination_of(self.workspace_id, self.channel, self.channel_id)

    @property
    def account(self) -> str:
        """Whom the platform takes all its destinations to be: one workspace's integration."""
        return account_of(self.destination)


def delivery_id(event_id: str, route_id: str) -> str:
    """Return the id of the delivery of an event to a route, the same however often the event is taken in."""
    return derived_id("delivery", event_id, route_id)


def destination_of(workspace_id: str, channel: str, channel_id: str) -> str:
    """Return the key of a destination."""
    return f"{workspace_id}:{channel}:{channel_id}"


def account_of(destination: str) -> str:
    """Return the account that a destination belongs to; neither a workspace's id nor a channel's name has a colon."""
    workspace_id, channel, _ = destination.split(":", 2)
    return f"{workspace_id}:{channel}"


def settled(delivery: Delivery, outcome: Outcome, *, now: datetime, milliseconds: int, uniform: Uniform) -> Delivery:
    """Return the delivery after an attempt that ended so."""
    attempt = Attempt(at=now, outcome=_name(outcome), detail=_detail(outcome), milliseconds=milliseconds)
    tried = replace(delivery, updated_at=now, history=(*delivery.history, attempt)[-MAX_HISTORY:])
    match outcome:
        case Delivered():
            return replace(
                tried,
                state=State.DELIVERED,
                reason=None,
                attempts=delivery.attempts + 1,
                uncertain=delivery.uncertain and not (outcome.found or outcome.edited),  # an edit shows once
                message_id=outcome.message_id,
            )
        case RateLimited():
            if _tried_too_long(delivery, now):
                return replace(tried, state=State.DEAD, reason="expired")
            return replace(tried, due=now + asked_wait(outcome.retry_after, uniform))
        case Failed():
            return _after_failure(tried, outcome, now, uniform)
        case Refused():
            return replace(tried, state=State.DEAD, reason=outcome.detail, attempts=delivery.attempts + 1)
        case Blocked():
            return replace(tried, state=State.PARKED, reason=outcome.reason.value)
        case Superseded():
            return replace(tried, state=State.SUPPRESSED, reason="superseded")


def released(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a parked delivery due at once, with all its attempts before it."""
    return replace(
        delivery, state=State.PENDING, reason=None, attempts=0, due=now, updated_at=now, forced=True, since=now
    )


def replayed(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a delivery to be sent once more, whatever became of it."""
    return replace(released(delivery, now=now), replays=delivery.replays + 1, message_id=None, uncertain=False)


_DOWN: Final = frozenset(
    {
        Parked.NOT_CONFIGURED.value,
        Parked.INTEGRATION_DISABLED.value,
        Parked.CREDENTIALS_REFUSED.value,
        Parked.CHANNEL_UNAVAILABLE.value,
    }
)


def wants_fallback(delivery: Delivery) -> bool:
    """Tell whether a delivery's destination stays down, so that its route's fallback should take over."""
    match delivery.state:
        case State.PENDING:
            return delivery.attempts >= FALLBACK_AFTER
        case State.PARKED:
            return delivery.reason in _DOWN
        case State.DEAD:
            return delivery.reason == "attempts_exhausted"
        case _:
            return False


def fallen_back(delivery: Delivery) -> Delivery:
    """Return a delivery that its route's fallback has taken over; it can still be released."""
    return replace(delivery, state=State.PARKED, reason=Parked.FELL_BACK.value)


def expired(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a delivery that nobody asked for any more."""
    return replace(delivery, state=State.DEAD, reason="expired", updated_at=now)


def _after_failure(tried: Delivery, outcome: Failed, now: datetime, uniform: Uniform) -> Delivery:
    attempts = tried.attempts + 1
    uncertain = tried.uncertain or outcome.answer_lost
    wait = wait_before(attempts + 1, uniform)
    if _tried_too_long(tried, now):
        return replace(tried, state=State.DEAD, reason="expired", attempts=attempts, uncertain=uncertain)
    if wait is None:
        return replace(tried, state=State.DEAD, reason="attempts_exhausted", attempts=attempts, uncertain=uncertain)
    if outcome.retry_after is not None:
        wait = max(wait, asked_wait(outcome.retry_after, uniform))
    return replace(tried, attempts=attempts, due=now + wait, uncertain=uncertain)


def _tried_too_long(delivery: Delivery, now: datetime) -> bool:
    return now - (delivery.since or delivery.created_at) > MAX_AGE


def _name(outcome: Outcome) -> str:
    match outcome:
        case Delivered():
            return "edited" if outcome.edited else "found" if outcome.found else "delivered"
        case RateLimited():
            return "rate_limited"
        case Failed():
            return "answer_lost" if outcome.answer_lost else "failed"
        case Refused():
            return "refused"
        case Blocked():
            return "parked"
        case Superseded():
            return "superseded"


def _detail(outcome: Outcome) -> str:
    match outcome:
        case Failed() | Refused():
            return outcome.detail
        case Blocked():
            return outcome.detail or outcome.reason.value
        case RateLimited():
            return f"retry after {outcome.retry_after.total_seconds():g} s"
        case _:
            return ""
