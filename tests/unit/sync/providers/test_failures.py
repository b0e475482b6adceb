"""What callers read of a call that failed."""

from datetime import timedelta

import pytest
from tieline.outgoing import (
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
from tieline.settings import OutgoingSettings
from tieline_sync.adapters.providers.failures import upstream

HOST = "api.example"


@pytest.mark.parametrize(
    ("error", "details", "is_outage"),
    [
        (CallTimedOutError(HOST, OutgoingSettings().timeout, sent=True), "Request timeout after 10000ms", True),
        (CallTimedOutError(HOST, timedelta(milliseconds=250), sent=False), "Request timeout after 250ms", True),
        (
            NameUnresolvedError(HOST, "[Errno -2] Name or service not known"),
            "The host name api.example could not be resolved",
            True,
        ),
        (
            TlsFailedError(HOST, "the certificate is not valid"),
            "No TLS connection to api.example: the certificate is not valid",
            True,
        ),
        (CallFailedError(HOST, "ConnectError"), "The connection failed or broke", True),
        (ResponseTooLargeError(HOST, 5), "The response is larger than 5 bytes", False),
        (ResponseUnreadableError("the answer is encoded as br"), "The response is not valid JSON", False),
        (
            AddressRefusedError(f"{HOST} is not at a public address"),
            "The address may not be called: api.example is not at a public address",
            False,
        ),
        (
            RequestRefusedError("the header host is not the caller's to set"),
            "The request can't be sent: a header, the method or the address is not valid",
            False,
        ),
    ],
)
def test_each_failure_is_said_in_words_that_tell_no_address(
    error: OutgoingError, details: str, *, is_outage: bool
) -> None:
    told = upstream(error)

    assert (told.details, told.is_outage, told.sent) == (details, is_outage, error.sent)
