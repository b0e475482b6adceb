"""What can go wrong with an outgoing call.

* OutgoingError
  - AddressRefusedError       the URL is not one we call, or its host is at an address that is not public (permanent)
    . RequestRefusedError       something else of the request can't or may not be sent
  - CallTimedOutError         (transient)
  - CallFailedError           no connection, or it broke (transient)
    . NameUnresolvedError
    . TlsFailedError
  - ResponseTooLargeError     (permanent)
  - ResponseUnreadableError   not JSON, or encoded in a way that was not asked for (permanent)

`sent` tells whether the other side may have acted: a call that failed before anything was written can be repeated
without harm. Messages name the host at most, never the path or query, which may hold a secret.
"""

from datetime import timedelta

from tieline.errors import PermanentError, TielineError, TransientError


class OutgoingError(TielineError):
    """An outgoing call got no usable answer."""

    sent = False


class AddressRefusedError(OutgoingError, PermanentError):
    """The URL may not be called; the message says why."""


class RequestRefusedError(AddressRefusedError):
    """The request can't be put into HTTP, or holds a header that is not the caller's to set."""


class CallTimedOutError(OutgoingError, TransientError):
    """The whole answer did not come within `limit`."""

    def __init__(self, host: str, limit: timedelta, *, sent: bool) -> None:
        super().__init__(f"{host} did not answer in time")
        self.host, self.limit, self.sent = host, limit, sent


class CallFailedError(OutgoingError, TransientError):
    """No connection, or it broke before the whole answer was read."""

    def __init__(self, host: str, reason: str, *, sent: bool = False) -> None:
        super().__init__(f"{host}: {reason}")
        self.host, self.reason, self.sent = host, reason, sent


class NameUnresolvedError(CallFailedError):
    """The host's name has no address."""


class TlsFailedError(CallFailedError):
    """The host was reached but did not prove its name, or speaks no TLS; `reason` says which."""


class ResponseTooLargeError(OutgoingError, PermanentError):
    """The decompressed answer exceeds the bound."""

    sent = True

    def __init__(self, host: str, limit: int) -> None:
        super().__init__(f"{host} answered more than {limit} bytes")
        self.host, self.limit = host, limit


class ResponseUnreadableError(OutgoingError, PermanentError):
    """The answer is not what was asked for."""

    sent = True
