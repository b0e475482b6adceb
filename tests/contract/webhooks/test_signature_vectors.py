"""Vendors' published signature vectors pass, and with one bit changed they do not."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tieline_webhooks.domain.senders import SENDERS
from tieline_webhooks.domain.senders.errors import MalformedSignatureError, MissingSignatureError, SignatureError

from tests.shared_data import shared_data

SOURCES = {
    "github": "github/signature_vector.json",
    "jira": "jira/signature_vector.json",
    "pagerduty": "pagerduty/signature_vectors.json",
    "slack": "slack/signature_vector.json",
    "standard-webhooks": "standard-webhooks/vectors.json",
}


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One published request: `signature` names the header that holds its signature."""

    sender: str
    secret: str
    body: bytes
    headers: dict[str, str]
    signature: str
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def verify(self) -> None:
        SENDERS[self.sender].verify(self.body, self.headers, [self.secret], self.now)


def vectors_of(sender: str) -> Sequence[Vector]:
    """Return the vectors that are said to be valid."""
    published = json.loads(shared_data(*SOURCES[sender].split("/")).read_bytes())
    return [*_READERS[sender](published)]


def _plain(published: dict[str, Any], sender: str) -> Iterator[Vector]:
    header = published["header"].lower()
    yield Vector(
        sender=sender,
        secret=published["secret"],
        body=published["raw_body"].encode(),
        headers={header: published["value"]},
        signature=header,
    )


def _pagerduty(published: dict[str, Any]) -> Iterator[Vector]:
    for each in published["vectors"]:
        if each["expect"] == "valid":
            yield from _plain({**each, "header": published["header"], "value": each["signature"]}, "pagerduty")


def _slack(published: dict[str, Any]) -> Iterator[Vector]:
    headers = {name.lower(): value for name, value in published["headers"].items()}
    yield Vector(
        sender="slack",
        secret=published["signing_secret"],
        body=published["raw_body"].encode(),
        headers=headers,
        signature="x-slack-signature",
        now=datetime.fromtimestamp(int(headers["x-slack-request-timestamp"]), UTC),
    )


def _standard(published: dict[str, Any]) -> Iterator[Vector]:
    for each in published["vectors"]:
        headers = {name: each[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        yield Vector(
            sender="standard-webhooks",
            secret=each["secret"],
            body=each["raw_body"].encode(),
            headers=headers,
            signature="webhook-signature",
            now=datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC),
        )


_READERS: dict[str, Any] = {
    "github": lambda published: _plain(published, "github"),
    "jira": lambda published: _plain(published, "jira"),
    "pagerduty": _pagerduty,
    "slack": _slack,
    "standard-webhooks": _standard,
}


def each_bit_changed(value: bytes) -> Iterator[bytes]:
    """Return every value that differs from `value` in one bit."""
    for position, byte in enumerate(value):
        for bit in range(8):
            yield value[:position] + bytes([byte ^ (1 << bit)]) + value[position + 1 :]


@pytest.mark.parametrize("sender", sorted(SOURCES))
def test_a_published_vector_passes(sender: str) -> None:
    vectors = vectors_of(sender)

    for vector in vectors:
        vector.verify()
    assert vectors


@pytest.mark.parametrize("sender", sorted(SOURCES))
def test_no_body_with_one_bit_changed_passes(sender: str) -> None:
    for vector in vectors_of(sender):
        for body in each_bit_changed(vector.body):
            with pytest.raises(SignatureError):
                replace(vector, body=body).verify()


@pytest.mark.parametrize("sender", sorted(SOURCES))
def test_no_header_with_one_bit_changed_passes(sender: str) -> None:
    for vector in vectors_of(sender):
        for name, value in vector.headers.items():
            for changed in each_bit_changed(value.encode()):
                with pytest.raises(SignatureError):
                    replace(vector, headers={**vector.headers, name: changed.decode("latin-1")}).verify()


@pytest.mark.parametrize("sender", sorted(SOURCES))
def test_no_secret_with_one_bit_changed_passes(sender: str) -> None:
    for vector in vectors_of(sender):
        secret = vector.secret.encode()
        for changed in each_bit_changed(secret.removeprefix(b"whsec_")):
            with pytest.raises(SignatureError):
                SENDERS[sender].verify(vector.body, vector.headers, [changed], vector.now)


def test_vectors_that_pagerduty_calls_invalid_are_refused() -> None:
    published = json.loads(shared_data("pagerduty", "signature_vectors.json").read_bytes())
    invalid = [each for each in published["vectors"] if each["expect"] != "valid"]

    for each in invalid:
        with pytest.raises(SignatureError):
            SENDERS["pagerduty"].verify(
                each["raw_body"].encode(),
                {"x-pagerduty-signature": each["signature"]},
                [each["secret"]],
                datetime(2026, 1, 1, tzinfo=UTC),
            )
    assert invalid


def test_a_standard_webhooks_header_with_both_versions_is_read_though_its_key_is_not_known() -> None:
    published = json.loads(shared_data("standard-webhooks", "vectors.json").read_bytes())
    headers = published["spec_header_example"]
    now = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)

    with pytest.raises(SignatureError) as refusal:
        SENDERS["standard-webhooks"].verify(b"{}", headers, [published["vectors"][0]["secret"]], now)
    assert not isinstance(refusal.value, (MalformedSignatureError, MissingSignatureError))
