"""Calls to providers and channels: the one door to addresses that a tenant chose.

`addresses` says which addresses may be dialled, `transport` dials them, `client` bounds the call in time and size,
`errors` are what can go wrong.
"""

from tieline.outgoing.client import Answer, OutgoingClient
from tieline.outgoing.errors import (
    AddressRefusedError,
    CallFailedError,
    CallTimedOutError,
    NameUnresolvedError,
    OutgoingError,
    ResponseTooLargeError,
    ResponseUnreadableError,
    TlsFailedError,
)

__all__ = [
    "AddressRefusedError",
    "Answer",
    "CallFailedError",
    "CallTimedOutError",
    "NameUnresolvedError",
    "OutgoingClient",
    "OutgoingError",
    "ResponseTooLargeError",
    "ResponseUnreadableError",
    "TlsFailedError",
]
