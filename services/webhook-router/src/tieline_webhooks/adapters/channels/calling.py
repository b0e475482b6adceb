"""What all channels share: what an answer's status means, and a call without a usable answer."""

from datetime import timedelta
from typing import Any

from tieline.outgoing import AddressRefusedError, Answer, OutgoingError

from tieline_webhooks.domain.deliveries import Blocked, Failed, Outcome, Parked, RateLimited, Refused

DEFAULT_RETRY_AFTER = timedelta(seconds=5)


def of_error(error: OutgoingError) -> Outcome:
    """Return the outcome of a call without a usable answer."""
    if isinstance(error, AddressRefusedError):
        return Blocked(reason=Parked.CHANNEL_UNAVAILABLE, detail=str(error))
    return Failed(detail=str(error), answer_lost=error.sent)


def of_status(answer: Answer, detail: str) -> Outcome | None:
    """Return the outcome that an answer's status alone decides; None when its body has to."""
    status = answer.status
    if status == 429:
        return RateLimited(retry_after=answer.retry_after or DEFAULT_RETRY_AFTER)
    if status >= 500 or status in {408, 425}:
        # A gateway that gave up on the platform does not know whether the platform went on.
        return Failed(detail=detail, answer_lost=status in {502, 504}, retry_after=answer.retry_after)
    if status == 401:
        return Blocked(reason=Parked.CREDENTIALS_REFUSED, detail=detail)
    if 300 <= status < 400:
        return Failed(detail=f"{detail}: redirects are not followed")
    return None


def refused(detail: str) -> Refused:
    """Return that the platform will never take this message."""
    return Refused(detail=detail[:300])


def json_object(answer: Answer) -> dict[str, Any]:
    """Return the body as an object, empty when it is none. Raises ResponseUnreadableError."""
    found = answer.json()
    return found if isinstance(found, dict) else {}
