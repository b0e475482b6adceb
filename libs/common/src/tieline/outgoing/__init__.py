"""Calls to providers and channels: the one door to addresses that a tenant chose.

`names` looks names up, `addresses` says which addresses may be dialled, `transport` dials them, `client` bounds the
call in time and size, `hosts` keeps a small pool of connections for each host, `errors` are what can go wrong.
"""

from tieline.outgoing.client import Answer, OutgoingClient
from tieline.outgoing.errors import (
    AddressRefusedError,
    CallFailedError,
    CallTimedOutError,
    NameUnresolvedError,
    OutgoingError,
    RequestRefusedError,
    ResponseTooLargeError,
    ResponseUnreadableError,
    TlsFailedError,
)
from tieline.outgoing.hosts import HostClients
from tieline.outgoing.names import Names

__all__ = [
    "AddressRefusedError",
    "Answer",
    "CallFailedError",
    "CallTimedOutError",
    "HostClients",
    "NameUnresolvedError",
    "Names",
    "OutgoingClient",
    "OutgoingError",
    "RequestRefusedError",
    "ResponseTooLargeError",
    "ResponseUnreadableError",
    "TlsFailedError",
]
