"""Why a webhook is not taken.

* PermanentError
  - SignatureError   401: nothing is routed, the request is quarantined
    . NoSecretConfiguredError   no_secret_configured
    . UnusableSecretError       unusable_secret
    . MissingSignatureError     missing_signature
    . MalformedSignatureError   malformed_signature
    . SignatureMismatchError    signature_mismatch
    . StaleTimestampError       stale_timestamp
  - UnusableBodyError   the signature is right, the body is no JSON object
  - InvalidCloudEventError   an emitted event breaks the CloudEvents specification

`reason` is a stable code, shown by the API, counted in metrics and kept with the quarantine entry. No message holds a
secret or a signature.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from tieline.errors import PermanentError


class SignatureError(PermanentError):
    """The request does not prove that the sender sent it."""

    reason: ClassVar[str] = "unverified"


class NoSecretConfiguredError(SignatureError):
    """The integration has no webhook secret, so nothing can be verified."""

    reason = "no_secret_configured"

    def __init__(self) -> None:
        super().__init__("no webhook secret is configured for this integration")


class UnusableSecretError(SignatureError):
    """None of the configured secrets has the form that this sender issues."""

    reason = "unusable_secret"

    def __init__(self, form: str) -> None:
        super().__init__(f"the configured webhook secret is not {form}")
        self.form = form


class MissingSignatureError(SignatureError):
    """A header that carries the signature or its signed time is absent or empty."""

    reason = "missing_signature"

    def __init__(self, header: str) -> None:
        super().__init__(f"header {header} is missing")
        self.header = header


class MalformedSignatureError(SignatureError):
    """A signature header is there but does not have the documented form."""

    reason = "malformed_signature"

    def __init__(self, header: str, form: str) -> None:
        super().__init__(f"header {header} is not {form}")
        self.header, self.form = header, form


class SignatureMismatchError(SignatureError):
    """No configured secret makes any of the signatures given: another secret, or another body."""

    reason = "signature_mismatch"

    def __init__(self, *, secrets_tried: int) -> None:
        super().__init__(f"the signature was not made with any of the {secrets_tried} configured secret(s)")
        self.secrets_tried = secrets_tried


class StaleTimestampError(SignatureError):
    """The signature is right, but its signed time is too far from now: a replay, or a wrong clock."""

    reason = "stale_timestamp"

    def __init__(self, *, sent_at: datetime | None, now: datetime, tolerance: timedelta) -> None:
        sent = "carries no signed time" if sent_at is None else f"was signed at {sent_at.isoformat()}"
        super().__init__(
            f"the request {sent}; it is {now.isoformat()} and {tolerance.total_seconds():.0f} s are allowed"
        )
        self.sent_at, self.now, self.tolerance = sent_at, now, tolerance


class UnusableBodyError(PermanentError):
    """The body is not a JSON object, so no event can be made of it; keep it for a person to look at."""

    reason: ClassVar[str] = "unusable_body"

    def __init__(self, detail: str) -> None:
        super().__init__(f"the body cannot be read: {detail}")
        self.detail = detail


class InvalidCloudEventError(PermanentError):
    """An event breaks the CloudEvents 1.0 specification; `index` counts from 0 within a batch."""

    reason: ClassVar[str] = "invalid_cloud_event"

    def __init__(self, detail: str, *, attribute: str | None = None, index: int | None = None) -> None:
        where = "" if index is None else f"event {index}: "
        super().__init__(f"{where}{attribute}: {detail}" if attribute else f"{where}{detail}")
        self.detail, self.attribute, self.index = detail, attribute, index
