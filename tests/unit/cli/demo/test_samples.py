"""Samples are signed as their senders sign."""

import hashlib
import hmac
import json

from tieline_cli.demo import samples

_RUN = "0123456789abcdef0123456789abcdef"


def test_signatures_are_over_the_bytes_that_are_sent() -> None:
    sentry, pagerduty = samples.sentry_issue(_RUN, "secret"), samples.pagerduty_incident(_RUN, "secret")

    assert sentry.headers["sentry-hook-signature"] == hmac.new(b"secret", sentry.body, hashlib.sha256).hexdigest()
    expected = hmac.new(b"secret", pagerduty.body, hashlib.sha256).hexdigest()
    assert pagerduty.headers["x-pagerduty-signature"] == f"v1={expected}"


def test_another_run_tells_of_something_else() -> None:
    one, other = samples.sentry_issue(_RUN, "secret"), samples.sentry_issue(_RUN[::-1], "secret")

    assert one.about != other.about
    assert json.loads(one.body)["data"]["issue"]["id"] == one.about
