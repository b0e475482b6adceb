"""Emitted events are taken in all three modes of the HTTP binding, and held to the specification."""

import contextlib
import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.senders.cloudevents import BATCH, STRUCTURED, CloudEvent, normalise, parse
from tieline_webhooks.domain.senders.errors import InvalidCloudEventError, UnusableBodyError

REQUIRED: dict[str, Any] = {"specversion": "1.0", "id": "d-1", "source": "/ci/shop", "type": "deploy.finished"}
EVERYTHING = {
    **REQUIRED,
    "subject": "deploys/42",
    "time": "2026-03-21T14:05:00Z",
    "datacontenttype": "application/json",
    "dataschema": "https://schemas.example.com/deploy.json#/definitions/done",
    "project": "shop",
    "attempt": 3,
    "dryrun": False,
}


def structured(members: dict[str, Any], content_type: str = STRUCTURED) -> CloudEvent:
    """Return the event of a structured request."""
    [event] = parse(json.dumps(members).encode(), {"content-type": content_type})
    return event


def binary(attributes: dict[str, str], body: bytes = b"", **headers: str) -> CloudEvent:
    """Return the event of a binary request."""
    given = {f"ce-{name}": value for name, value in attributes.items()}
    [event] = parse(body, {**given, **{name.replace("_", "-"): value for name, value in headers.items()}})
    return event


def refused(members: dict[str, Any]) -> InvalidCloudEventError:
    """Return why a structured event is refused."""
    with pytest.raises(InvalidCloudEventError) as refusal:
        structured(members)
    return refusal.value


def test_a_structured_event_keeps_every_attribute_and_its_data() -> None:
    event = structured({**EVERYTHING, "data": {"version": "1.4"}}, "Application/CloudEvents+JSON; charset=utf-8")

    assert (event.id, event.source, event.type, event.subject) == ("d-1", "/ci/shop", "deploy.finished", "deploys/42")
    assert (event.time, event.datacontenttype) == ("2026-03-21T14:05:00Z", "application/json")
    assert event.extensions == {"project": "shop", "attempt": 3, "dryrun": False}
    assert event.data is not None
    assert json.loads(event.data) == {"version": "1.4"}


def test_a_binary_event_takes_its_attributes_from_headers_and_its_data_from_the_body() -> None:
    event = binary({**REQUIRED, "attempt": "3"}, b'{"version":"1.4"}', content_type="application/json")

    assert (event.id, event.type, event.datacontenttype) == ("d-1", "deploy.finished", "application/json")
    assert event.extensions == {"attempt": "3"}
    assert event.data == b'{"version":"1.4"}'


@given(value=st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=40))
def test_a_header_is_percent_decoded_as_it_was_encoded(value: str) -> None:
    encoded = quote(value, safe="!#$&'()*+,/:;=?@[]^_`{|}~")

    assert binary({**REQUIRED, "subject": encoded}).subject == value


@pytest.mark.parametrize(
    ("header", "value"),
    [('"a \\"b\\" c"', 'a "b" c'), ("Euro%20%e2%82%ac", "Euro €"), ("a%2520b", "a%20b"), ("100%", "100%")],
)
def test_older_senders_may_quote_and_encoding_is_undone_once(header: str, value: str) -> None:
    assert binary({**REQUIRED, "subject": header}).subject == value


@pytest.mark.parametrize("header", ["%C0%A0", "%ff", "grüße", "%ED%A0%80", "line%0Abreak"])
def test_a_header_that_is_no_clean_utf_8_is_refused(header: str) -> None:
    with pytest.raises(InvalidCloudEventError) as refusal:
        binary({**REQUIRED, "subject": header})
    assert refusal.value.attribute == "subject"


def test_text_and_binary_content_reach_consumers_as_json_can_carry_them() -> None:
    text = binary(REQUIRED, "<a>ü</a>".encode(), content_type="application/xml")
    image = binary(REQUIRED, b"\x89PNG", content_type="image/png")

    assert text.data is not None
    assert json.loads(text.data) == "<a>ü</a>"
    assert image.data_base64 == b64encode(b"\x89PNG").decode()
    assert binary(REQUIRED).data is None


def test_a_body_that_is_not_the_json_it_claims_to_be_is_refused() -> None:
    with pytest.raises(UnusableBodyError):
        binary(REQUIRED, b"{oops", content_type="application/json")


def test_the_content_type_header_is_the_only_place_for_the_datacontenttype_in_binary_mode() -> None:
    with pytest.raises(InvalidCloudEventError) as refusal:
        binary({**REQUIRED, "datacontenttype": "text/plain"})
    assert refusal.value.attribute == "datacontenttype"


def test_a_batch_keeps_its_order_and_may_be_empty() -> None:
    batch = json.dumps([{**REQUIRED, "id": str(number)} for number in range(3)]).encode()

    assert [event.id for event in parse(batch, {"content-type": BATCH})] == ["0", "1", "2"]
    assert parse(b"[]", {"content-type": BATCH}) == []


@pytest.mark.parametrize("bad", [{**REQUIRED, "id": ""}, 7, "text", None, []])
def test_a_batch_with_one_bad_event_is_refused_whole_and_says_which(bad: object) -> None:
    with pytest.raises(InvalidCloudEventError) as refusal:
        parse(json.dumps([REQUIRED, REQUIRED, bad]).encode(), {"content-type": BATCH})
    assert refusal.value.index == 2
    assert "event 2" in str(refusal.value)


def test_a_batch_has_a_bound() -> None:
    batch = json.dumps([REQUIRED] * 3).encode()

    assert len(parse(batch, {"content-type": BATCH}, max_batch=3)) == 3
    with pytest.raises(InvalidCloudEventError, match="at most 2 events, not 3"):
        parse(batch, {"content-type": BATCH}, max_batch=2)


@pytest.mark.parametrize(
    "headers",
    [{}, {"content-type": "application/json"}, {"content-type": "application/cloudevents+avro"},
     {"content-type": "application/cloudevents"}, {"content-type": "application/cloudevents-batch+xml"}],
)  # fmt: skip
def test_a_request_in_no_known_mode_is_told_what_to_send(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidCloudEventError, match=r"application/cloudevents\+json"):
        parse(json.dumps(REQUIRED).encode(), headers)


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"7", b"\xff", b'{"id":"\xff"}', b"[" * 100_000])
def test_a_structured_body_must_be_one_json_object(body: bytes) -> None:
    with pytest.raises(UnusableBodyError):
        parse(body, {"content-type": STRUCTURED})


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_required_attribute_may_not_be_missing_null_or_empty(name: str) -> None:
    without = {key: value for key, value in REQUIRED.items() if key != name}

    for members in (without, {**REQUIRED, name: None}, {**REQUIRED, name: ""}, {**REQUIRED, name: 7}):
        assert refused(members).attribute == name


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("specversion", ["0.3", "1.0.2", "2.0"]),
        ("source", ["a b", "1:2", "http://[::1", "%zz", "a#b#c", "ünï"]),
        (
            "time",
            ["soon", "2026-02-30T00:00:00Z", "2026-03-21", "2026-03-21T14:05:00", "2026-03-21T14:05:00+25:00"],
        ),
        ("datacontenttype", ["json", "application/", "application/json; charset"]),
        ("dataschema", ["/relative", "schema.json", "https://a b"]),
        ("subject", [""]),
        ("ext", [1.5, 1.0, 2**31, -(2**31) - 1, {}, [], "line\nbreak", "\x7f", "\ufffe", "x" * 3_000]),
    ],
)
def test_a_value_that_its_type_does_not_allow_is_refused(name: str, values: list[Any]) -> None:
    for value in values:
        assert refused({**REQUIRED, name: value}).attribute == name, value


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("source", ["https://ci.example.com/a?b=c#d", "urn:uuid:6e8b", "mailto:a@b.example", "/a/b", "1-555",
                    "//[::1]:8/x"]),
        ("time", ["2026-03-21T14:05:00+05:30", "2026-03-21t14:05:00.123456789z", "2016-12-31T23:59:60Z"]),
        ("datacontenttype", ["application/json; charset=utf-8", "text/xml", 'multipart/x; boundary="a b"']),
        ("type", ["deploy.finished", "com.example/odd type"]),
        ("ext", [True, 0, 2**31 - 1, -(2**31), "", "ünï 😀"]),
        ("averyverylongextensionname2", ["x"]),
    ],
)  # fmt: skip
def test_what_the_specification_allows_is_taken(name: str, values: list[Any]) -> None:
    for value in values:
        structured({**REQUIRED, name: value})


@pytest.mark.parametrize("name", ["dataContentType", "my_extension", "my-extension", "", "ünï"])
def test_an_attribute_has_lower_case_letters_and_digits_only(name: str) -> None:
    assert refused({**REQUIRED, name: "x"}).attribute == name


def test_null_means_unset_but_null_data_is_data() -> None:
    event = structured({**REQUIRED, "subject": None, "ext": None, "data": None})

    assert (event.subject, event.extensions, event.data) == (None, {}, b"null")


def test_data_is_json_or_base64_but_not_both() -> None:
    assert structured({**REQUIRED, "data_base64": "iVBORw=="}).data_base64 == "iVBORw=="
    assert refused({**REQUIRED, "data": 1, "data_base64": "iVBORw=="}).attribute == "data"
    for value in ("not base64", 7, "abc"):
        assert refused({**REQUIRED, "data_base64": value}).attribute == "data_base64"


def test_an_emitted_event_is_normalised_from_its_attributes_and_what_its_data_says() -> None:
    data = {"title": "Shop 1.4 is live", "status": "success", "service": "shop", "url": "https://ci.example.com/42"}

    event = normalise(structured({**EVERYTHING, "data": data}))

    assert (event.type, event.source, event.subject) == ("deploy.finished", "/ci/shop", "/ci/shop/deploys/42")
    assert (event.title, event.link, event.status) == ("Shop 1.4 is live", "https://ci.example.com/42", "success")
    assert event.project == "shop"
    assert event.occurred_at is not None
    assert event.occurred_at.isoformat() == "2026-03-21T14:05:00+00:00"


def test_an_event_without_data_is_titled_by_its_type() -> None:
    assert normalise(structured(REQUIRED)).title == "deploy finished"


def test_two_sources_may_use_the_same_id() -> None:
    first, other = normalise(structured(REQUIRED)), normalise(structured({**REQUIRED, "source": "/ci/other"}))

    assert first.dedupe_key != other.dedupe_key


@given(body=st.binary(max_size=60), mode=st.sampled_from([STRUCTURED, BATCH]))
def test_no_body_whatever_crashes_the_parser(body: bytes, mode: str) -> None:
    with contextlib.suppress(InvalidCloudEventError, UnusableBodyError):
        parse(body, {"content-type": mode})
