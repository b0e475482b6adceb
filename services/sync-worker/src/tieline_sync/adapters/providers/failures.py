"""What a failed call means, in the words that callers are shown."""

from tieline.errors import TransientError
from tieline.outgoing import (
    AddressRefusedError,
    CallTimedOutError,
    NameUnresolvedError,
    OutgoingError,
    RequestRefusedError,
    ResponseTooLargeError,
    ResponseUnreadableError,
    TlsFailedError,
)

from tieline_sync.domain.providers.errors import UpstreamError, timed_out


def upstream(error: OutgoingError) -> UpstreamError:
    """Return the error that callers see. Which addresses a name has stays unsaid."""
    return UpstreamError(_details(error), is_outage=isinstance(error, TransientError), sent=error.sent)


def _details(error: OutgoingError) -> str:
    match error:
        case CallTimedOutError(limit=limit):
            return timed_out(limit).details
        case NameUnresolvedError(host=host):
            return f"The host name {host} could not be resolved"
        case TlsFailedError(host=host, reason=reason):
            return f"No TLS connection to {host}: {reason}"
        case RequestRefusedError():
            return "The request can't be sent: a header, the method or the address is not valid"
        case AddressRefusedError():
            return f"The address may not be called: {error}"
        case ResponseTooLargeError(limit=most):
            return f"The response is larger than {most} bytes"
        case ResponseUnreadableError():
            return "The response is not valid JSON"
        case _:
            return "The connection failed or broke"
