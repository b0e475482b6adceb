"""Secrets do not come out again, however an answer writes them."""

import json
from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_sync.domain.pipeline.answers import LARGEST_SHOWN, shown, value_of
from tieline_sync.domain.providers.errors import UpstreamError
from tieline_sync.domain.providers.scrubbing import HIDDEN, Scrubber

SECRET = 'p+ss/w"örd\\9 Z'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    assert Scrubber([SECRET]).text(f"a {form} b") == f"a {HIDDEN} b"


@pytest.mark.parametrize(
    "body",
    [
        '{"echo": "Bearer tok3n-value"}',
        '{"echo": "Bearer tok3n\\u002dvalue"}',
        '{"echo": "\\u0074ok3n-value"}',
        '{"tok3n-value": 1}',
        '{"deep": [{"list": ["xtok3n-valuex"]}]}',
        "plain tok3n-value text",
        "<xml>tok3n-value</xml>",
        '["tok3n-value"',
    ],
)
def test_a_body_shows_no_secret_however_it_is_written(body: str) -> None:
    value = value_of(body.encode(), content_type="application/json", scrubber=Scrubber(["tok3n-value"]))

    assert "tok3n" not in json.dumps(value)
    assert HIDDEN in json.dumps(value)


def test_the_longer_of_two_secrets_goes_whole() -> None:
    assert Scrubber(["secret", "secret-and-more"]).text("secret-and-more, secret") == f"{HIDDEN}, {HIDDEN}"


def test_what_is_too_short_to_be_a_secret_is_not_looked_for() -> None:
    assert Scrubber(["", "a", "abc"]).text("abc") == "abc"


@given(st.text(min_size=6, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives_in_json(secret: str, before: str, after: str) -> None:
    body = json.dumps({"echo": before + secret + after}, ensure_ascii=False).encode("utf-8", "replace")
    clean = secret.encode("utf-8", "replace").decode()

    value = value_of(body, content_type="application/json", scrubber=Scrubber([clean]))

    assert clean in HIDDEN or clean not in value["echo"].replace(HIDDEN, "\0")


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b"", "application/json", None),
        (b"  \n", "text/plain", None),
        (b'{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b'{"a": 1}', "text/html", {"a": 1}),
        (b"[1]", "", [1]),
        (b"5", "application/json", 5),
        (b"5", "text/plain", "5"),
        (b"true", "text/plain", "true"),
        (b"<p>x</p>", "text/html", "<p>x</p>"),
        (b"{broken", "application/json", "{broken"),
        (b"\xef\xbb\xbf[1]", "application/json", [1]),
        (b"caf\xe9", "text/plain", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_body_is_json_where_it_says_so_or_looks_like_it(body: bytes, content_type: str, value: object) -> None:
    assert value_of(body, content_type=content_type, scrubber=Scrubber([])) == value


def test_a_body_that_is_nested_too_deeply_is_told_and_not_fatal() -> None:
    deep = b'{"a":' * 900 + b'"s3cret-value"' + b"}" * 900

    try:
        value = value_of(deep, content_type="application/json", scrubber=Scrubber(["s3cret-value"]))
    except UpstreamError:
        return

    assert "s3cret" not in repr(value)


def test_a_stage_that_is_very_long_is_shown_by_its_beginning() -> None:
    value = shown({"rows": ["x" * 100] * 10_000})

    assert isinstance(value, str)
    assert value.startswith('{"rows":["xxx')
    assert len(value) < LARGEST_SHOWN + 100
