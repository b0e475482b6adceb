"""Errors of the webhook router, besides those of the senders and of the pattern language.

* PermanentError
  - UnknownSourceError          404: no sender of that name
  - UnknownHookError            401: no workspace or integration that this request could be for
  - BodyTooLargeError           413
  - DeliveryNotFoundError       404
  - QuarantineEntryNotFoundError  404
* TransientError
  - NotReadyError               503: what is needed to verify is not known yet
  - OverloadedError             503: as many webhooks as allowed are in hand
  - SpoolFullError              503: Kafka is away and the spool has no room
"""

from datetime import timedelta

from tieline.errors import PermanentError, TransientError


class UnknownSourceError(PermanentError):
    """Nobody posts webhooks under this name."""

    def __init__(self, source: str) -> None:
        super().__init__(f"no webhook source is called {source[:64]!r}")
        self.source = source


class UnknownHookError(PermanentError):
    """The request names no workspace or integration that could receive it; which of the two is not told."""

    def __init__(self) -> None:
        super().__init__("Webhook could not be verified")


class BodyTooLargeError(PermanentError):
    """The body is larger than allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes")
        self.limit = limit


class NotReadyError(TransientError):
    """The integrations, or the secret of the one in question, are still being read."""

    retry_after = timedelta(seconds=5)


class OverloadedError(TransientError):
    """As many webhooks as allowed wait for Kafka's acknowledgement."""

    retry_after = timedelta(seconds=1)


class SpoolFullError(TransientError):
    """Kafka is away and the spool has no room for more."""

    retry_after = timedelta(seconds=30)


class DeliveryNotFoundError(PermanentError):
    """No delivery of this workspace has that id."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__("Delivery not found")
        self.delivery_id = delivery_id


class QuarantineEntryNotFoundError(PermanentError):
    """No quarantined webhook of this workspace has that id."""

    def __init__(self, entry_id: str) -> None:
        super().__init__("Quarantined webhook not found")
        self.entry_id = entry_id
