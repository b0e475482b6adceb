"""Only what a configured secret signed passes, and what does not pass says why."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.senders import SENDERS
from tieline_webhooks.domain.senders.errors import (
    MalformedSignatureError,
    MissingSignatureError,
    NoSecretConfiguredError,
    SignatureError,
    SignatureMismatchError,
    StaleTimestampError,
    UnusableSecretError,
)

from tests.unit.webhooks.senders.signed import JSON_BODY, NOW, SECRET, WHSEC, Request, later, signed

ALL = sorted(SENDERS)
PREFIXES = {"pagerduty": "v1=", "github": "sha256=", "jira": "sha256=", "slack": "v0=", "standard-webhooks": "v1,"}


def flipped(text: bytes, bit: int) -> bytes:
    """Return `text` with one bit changed."""
    return text[: bit // 8] + bytes([text[bit // 8] ^ (1 << bit % 8)]) + text[bit // 8 + 1 :]


@pytest.mark.parametrize("sender", ALL)
def test_what_the_secret_signed_passes(sender: str) -> None:
    signed(sender).verify()


@pytest.mark.parametrize("sender", ALL)
@given(bit=st.integers(0, len(JSON_BODY) * 8 - 1))
def test_a_body_with_one_bit_changed_is_refused(sender: str, bit: int) -> None:
    request = signed(sender)

    with pytest.raises(SignatureMismatchError):
        replace(request, body=flipped(request.body, bit)).verify()


@pytest.mark.parametrize("sender", ALL)
@given(data=st.data())
def test_a_signature_with_one_bit_changed_is_refused(sender: str, data: st.DataObject) -> None:
    request = signed(sender)
    value = request.headers[request.signature].encode()
    changed = flipped(value, data.draw(st.integers(0, len(value) * 8 - 1)))

    with pytest.raises(SignatureError):
        request.with_header(request.signature, changed.decode("latin-1")).verify()


@pytest.mark.parametrize("sender", ALL)
@given(data=st.data())
def test_a_secret_with_one_bit_changed_is_refused(sender: str, data: st.DataObject) -> None:
    request = signed(sender)
    start = len("whsec_") if sender == "standard-webhooks" else 0
    secret = request.secret.encode()
    changed = flipped(secret, data.draw(st.integers(start * 8, len(secret) * 8 - 1)))

    with pytest.raises(SignatureError):
        request.verify(changed)


@pytest.mark.parametrize("sender", ALL)
def test_any_of_several_secrets_will_do_while_they_rotate(sender: str) -> None:
    request = signed(sender)
    other = "whsec_b3RoZXIgb3RoZXIgb3RoZXIhISEh" if sender == "standard-webhooks" else "another"

    request.verify(other, request.secret)
    request.verify(request.secret, other)
    with pytest.raises(SignatureMismatchError) as refusal:
        request.verify(other, other)
    assert refusal.value.secrets_tried == 2


@pytest.mark.parametrize("sender", ALL)
@pytest.mark.parametrize("secrets", [[], [""], [b"", ""]])
def test_without_a_secret_nothing_passes_not_even_what_an_empty_key_signed(sender: str, secrets: list[str]) -> None:
    request = signed(sender)

    with pytest.raises(NoSecretConfiguredError):
        SENDERS[sender].verify(request.body, request.headers, secrets, NOW)


@pytest.mark.parametrize("sender", ALL)
@pytest.mark.parametrize("value", [None, ""])
def test_a_request_without_signature_is_refused(sender: str, value: str | None) -> None:
    request = signed(sender)

    with pytest.raises(MissingSignatureError) as refusal:
        request.with_header(request.signature, value).verify()
    assert refusal.value.header == request.signature


GARBAGE = ["x", "é" * 64, "0" * 63, "0" * 65, "g" * 64]
BLANKS = [" " + "0" * 64, "0" * 64 + "\n"]  # in PagerDuty's list, blanks around a signature mean nothing


@pytest.mark.parametrize(
    ("sender", "garbage"),
    [(sender, garbage) for sender in ALL for garbage in [*GARBAGE, *([] if sender == "pagerduty" else BLANKS)]],
)
def test_a_signature_that_has_not_the_documented_form_is_refused_as_malformed(sender: str, garbage: str) -> None:
    request = signed(sender)
    value = PREFIXES.get(sender, "") + garbage

    with pytest.raises(MalformedSignatureError):
        request.with_header(request.signature, value).verify()


@pytest.mark.parametrize("sender", sorted(set(ALL) - {"standard-webhooks"}))
def test_hex_in_upper_case_is_not_the_signature_that_was_sent(sender: str) -> None:
    request = signed(sender)
    prefix = PREFIXES.get(sender, "")
    digits = request.headers[request.signature].removeprefix(prefix)

    with pytest.raises(MalformedSignatureError):
        request.with_header(request.signature, prefix + digits.upper()).verify()


@pytest.mark.parametrize("sender", ["pagerduty", "github", "jira", "slack", "standard-webhooks"])
def test_a_signature_of_another_version_is_malformed(sender: str) -> None:
    request = signed(sender)
    value = request.headers[request.signature]
    other = "v9" + value[2:] if value.startswith("v") else "sha1" + value[6:]

    with pytest.raises(MalformedSignatureError):
        request.with_header(request.signature, other).verify()


def test_pagerduty_may_give_several_signatures() -> None:
    request = signed("pagerduty")
    good, wrong = request.headers[request.signature], "v1=" + "0" * 64

    for value in (f"{wrong},{good}", f"{good}, {wrong}", f"v2={'1' * 64},{good}", f"v1=nonsense,{good}"):
        request.with_header(request.signature, value).verify()
    with pytest.raises(SignatureMismatchError):
        request.with_header(request.signature, f"{wrong},{wrong}").verify()


def test_standard_webhooks_may_give_several_signatures_of_several_versions() -> None:
    request = signed("standard-webhooks")
    good, wrong = request.headers[request.signature], "v1," + "A" * 43 + "="

    for value in (f"{wrong} {good}", f"v1a,{'B' * 88} {good}", f"{good} {wrong}"):
        request.with_header(request.signature, value).verify()
    with pytest.raises(MalformedSignatureError):
        request.with_header(request.signature, f"v1a,{'B' * 88}").verify()


def test_signatures_beyond_a_bearable_number_are_not_tried() -> None:
    request = signed("pagerduty")
    many = ",".join(["v1=" + "0" * 64] * 500)

    with pytest.raises(SignatureMismatchError):
        request.with_header(request.signature, f"{many},{request.headers[request.signature]}").verify()


def test_a_standard_webhooks_secret_may_come_without_its_prefix() -> None:
    signed("standard-webhooks").verify(WHSEC.removeprefix("whsec_"))


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!", "whsec_abc"])
def test_a_standard_webhooks_secret_that_cannot_be_read_is_told_apart_from_a_wrong_one(secret: str) -> None:
    with pytest.raises(UnusableSecretError) as refusal:
        signed("standard-webhooks").verify(secret)
    assert refusal.value.reason == "unusable_secret"
    assert secret.removeprefix("whsec_") not in str(refusal.value) or secret == "whsec_"


@pytest.mark.parametrize(("sender", "tolerance"), [("slack", 300), ("standard-webhooks", 300), ("linear", 60)], ids=str)
@pytest.mark.parametrize("direction", [-1, 1])
def test_a_signed_time_is_believed_within_its_tolerance_only(sender: str, tolerance: int, direction: int) -> None:
    request = signed(sender)

    request.verify(now=later(direction * tolerance))
    with pytest.raises(StaleTimestampError) as refusal:
        request.verify(now=later(direction * (tolerance + 1)))
    assert refusal.value.sent_at == NOW


@pytest.mark.parametrize(
    ("sender", "header"), [("slack", "x-slack-request-timestamp"), ("standard-webhooks", "webhook-timestamp")]
)
def test_the_signed_time_cannot_be_replaced_left_out_or_malformed(sender: str, header: str) -> None:
    request = signed(sender)

    with pytest.raises(SignatureMismatchError):
        request.with_header(header, str(int(NOW.timestamp()) + 1)).verify()
    with pytest.raises(MissingSignatureError):
        request.with_header(header, None).verify()
    for value in ("soon", "-1", "1e9", "٣", " 1", "1" * 40):
        with pytest.raises(MalformedSignatureError):
            request.with_header(header, value).verify()


@pytest.mark.parametrize(
    "body", [b"{}", b"not json", b'{"webhookTimestamp":"now"}', b'{"webhookTimestamp":null}', b"\xff"]
)
def test_a_linear_body_without_send_time_could_be_a_replay(body: bytes) -> None:
    with pytest.raises(StaleTimestampError) as refusal:
        signed("linear", body).verify()
    assert refusal.value.sent_at is None


def test_a_linear_send_time_beyond_any_calendar_is_stale() -> None:
    with pytest.raises(StaleTimestampError):
        signed("linear", b'{"webhookTimestamp":1e300}').verify()


def test_the_identifier_of_standard_webhooks_is_signed() -> None:
    request = signed("standard-webhooks")

    with pytest.raises(SignatureMismatchError):
        request.with_header("webhook-id", "msg_2").verify()
    with pytest.raises(MissingSignatureError):
        request.with_header("webhook-id", None).verify()
    with pytest.raises(MalformedSignatureError):
        request.with_header("webhook-id", "x" * 300).verify()


def test_sentry_signs_empty_bodies_too() -> None:
    signed("sentry", b"").verify()


@pytest.mark.parametrize("sender", ["sentry", "pagerduty", "github", "jira", "slack", "standard-webhooks"])
@given(body=st.binary(max_size=200))
def test_bytes_are_signed_whatever_they_mean(sender: str, body: bytes) -> None:
    signed(sender, body).verify()


def test_every_reason_is_a_stable_code_and_no_refusal_tells_the_secret() -> None:
    reasons = {error.reason for error in SignatureError.__subclasses__()}

    assert reasons == {
        "no_secret_configured",
        "unusable_secret",
        "missing_signature",
        "malformed_signature",
        "signature_mismatch",
        "stale_timestamp",
    }
    with pytest.raises(SignatureMismatchError) as refusal:
        signed("github").verify("wrong-" + SECRET)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("sender", ALL)
def test_what_a_hook_address_says_names_the_headers_that_are_looked_at(sender: str) -> None:
    request: Request = signed(sender)
    expects = SENDERS[sender].expects

    named = {header.lower() for header in expects["signature"]["headers"]}

    assert set(request.headers) == named
    assert expects["configure"]
