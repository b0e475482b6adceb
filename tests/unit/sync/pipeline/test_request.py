"""From parameters to a request: nothing a caller gives leads to another path or host, and nothing is lost."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_sync.domain.pipeline.endpoint import Endpoint, endpoint_of
from tieline_sync.domain.pipeline.request import Request, request_of
from tieline_sync.domain.providers.errors import CallInputError, NotConfiguredError

BASE = "https://api.shop.example/v2"


def made(endpoint: Endpoint, base_url: str = BASE, consumed: frozenset[str] = frozenset(), **params: Any) -> Request:
    return request_of(endpoint, base_url=base_url, params=params, consumed=consumed, unique="run-1")


def an_endpoint(**changes: Any) -> Endpoint:
    return Endpoint(**{"name": "e", "path": "/things", **changes})


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://a.example", "/x", "https://a.example/x"),
        ("https://a.example/", "x", "https://a.example/x"),
        ("https://a.example/v1/", "/x/", "https://a.example/v1/x/"),
        ("https://a.example/v1", "", "https://a.example/v1"),
        ("https://a.example/v1", "/x?fixed=1", "https://a.example/v1/x?fixed=1"),
        ("a.example", "/x", "https://a.example/x"),
        ("https://a.example", "//evil.example/x", "https://a.example/evil.example/x"),
        ("https://a.example", "https://evil.example/x", "https://a.example/https://evil.example/x"),
        ("https://a.example", "@evil.example/x", "https://a.example/@evil.example/x"),
        ("https://a.example", ":80@evil.example", "https://a.example/:80@evil.example"),
    ],
)
def test_the_path_is_below_the_base_whatever_it_looks_like(base: str, path: str, url: str) -> None:
    assert made(an_endpoint(method="GET", path=path), base).url == url


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/x"),
        ("https://a.example/v1", "/../admin"),
        ("https://a.example/v1", "/x/./y"),
        ("https://a.example/v1", "/x#fragment"),
        ("https://a.example/v1", "\\evil.example"),
        ("https://a.example/v1?key=1", "/x"),
        ("https://a.example/v1#f", "/x"),
        ("https://[::1", "/x"),
    ],
)
def test_an_endpoint_that_leads_elsewhere_can_not_be_called(base: str, path: str) -> None:
    with pytest.raises(NotConfiguredError):
        made(an_endpoint(path=path), base)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("%2e%2e", "%252e%252e"),
        ("käse", "k%C3%A4se"),
        ("a@b:c", "a%40b%3Ac"),
        ("...", "..."),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
    ],
)
def test_a_path_parameter_is_one_segment(value: Any, written: str) -> None:
    assert made(an_endpoint(method="GET", path="/things/{id}/parts"), id=value).url == f"{BASE}/things/{written}/parts"


@pytest.mark.parametrize(
    "value", ["", ".", "..", "../x", "a/../b", "a\\..\\b", "./a", "a\nb", "a\0", "\ud800", None, [1], {"a": 1}]
)
def test_a_path_parameter_that_could_lead_elsewhere_is_refused(value: Any) -> None:
    with pytest.raises(CallInputError) as caught:
        made(an_endpoint(path="/things/{id}"), id=value)

    assert [problem.path for problem in caught.value.problems] == [("id",)]


def test_every_missing_path_parameter_is_named() -> None:
    with pytest.raises(CallInputError) as caught:
        made(an_endpoint(path="/{a}/{b}/{c}"), b="x")

    assert [problem.path for problem in caught.value.problems] == [("a",), ("c",)]


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_values_change_host_or_path(one: str, other: str) -> None:
    try:
        url = made(an_endpoint(method="GET", path="/a/{one}/b/{other}"), one=one, other=other).url
    except CallInputError:
        return

    parts = urlsplit(url)
    segments = parts.path.split("/")
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "api.shop.example", "", "")
    assert (segments[:3], segments[4], len(segments)) == (["", "v2", "a"], "b", 6)
    assert (unquote(segments[3]), unquote(segments[5])) == (one, other)


def test_what_is_not_in_the_path_is_the_body() -> None:
    request = made(an_endpoint(path="/things/{id}"), id="7", name="Cup", tags=["a"], size=None)

    assert request.json == {"name": "Cup", "tags": ["a"], "size": None}


def test_parameters_that_were_used_for_a_token_are_not_sent() -> None:
    request = made(an_endpoint(), consumed=frozenset({"user_id"}), user_id="u1", name="Cup")

    assert request.json == {"name": "Cup"}


def test_wrapped_parameters_stand_below_the_key_and_injected_fields_beside_it() -> None:
    endpoint = an_endpoint(wrap_params_key="data", inject={"source": "agent", "data2": "x"})

    assert made(endpoint, name="Cup").json == {"data": {"name": "Cup"}, "source": "agent", "data2": "x"}


def test_what_is_injected_can_not_be_overridden_by_a_caller() -> None:
    assert made(an_endpoint(inject={"tenant": "t1"}), tenant="t2", name="Cup").json == {"tenant": "t1", "name": "Cup"}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_methods_without_body_send_a_query(method: str) -> None:
    request = made(
        an_endpoint(method=method, path="/things?v=2", inject={"source": "agent"}),
        q="a&b=c",
        tags=["x", "y"],
        deep={"a": [1]},
        none=None,
        yes=True,
    )

    assert (request.json, request.form) == (None, None)
    assert parse_qsl(urlsplit(request.url).query) == [
        ("v", "2"),
        ("q", "a&b=c"),
        ("tags", "x"),
        ("tags", "y"),
        ("deep", '{"a":[1]}'),
        ("yes", "true"),
        ("source", "agent"),
    ]


def test_a_form_repeats_lists_and_writes_objects_as_json() -> None:
    request = made(an_endpoint(body_format="form"), one=1, many=[1, 2, 3], deep={"a": "ä"}, none=None, no=False)

    assert request.json is None
    assert request.form == {"one": "1", "many": ["1", "2", "3"], "deep": '{"a":"ä"}', "no": "false"}


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=5))
def test_a_query_reads_back_as_it_was_given(params: dict[str, str]) -> None:
    endpoint = an_endpoint(method="GET")
    request = request_of(endpoint, base_url=BASE, params=params, consumed=frozenset(), unique="run-1")

    assert dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True)) == params


@pytest.mark.parametrize(
    ("headers", "sent", "names_itself"),
    [
        ({"X-Version": "1"}, {"X-Version": "1"}, False),
        ({"Idempotency-Key": ""}, {"Idempotency-Key": "run-1"}, True),
        ({"idempotency-key": " "}, {"idempotency-key": "run-1"}, True),
        ({"Idempotency-Key": "fixed"}, {"Idempotency-Key": "fixed"}, True),
    ],
)
def test_an_empty_idempotency_key_is_a_new_one_for_each_run(
    headers: dict[str, str], sent: dict[str, str], names_itself: bool
) -> None:
    request = made(an_endpoint(headers=headers))

    assert (request.headers, request.names_itself) == (sent, names_itself)


def test_a_stored_endpoint_has_the_documented_defaults() -> None:
    endpoint = endpoint_of({"name": "e", "description": "d", "path": "/x"})

    assert (endpoint.method, endpoint.body_format, endpoint.max_retries, endpoint.max_result_length) == (
        "POST",
        "json",
        2,
        0,
    )
    assert endpoint.retry_on_status == {429, 502, 503, 504}


@pytest.mark.parametrize("retries", [-1, 11, 10**9])
def test_the_number_of_retries_is_bounded(retries: int) -> None:
    assert 0 <= endpoint_of({"name": "e", "path": "/", "retry_config": {"max_retries": retries}}).max_retries <= 10


@pytest.mark.parametrize(
    "stored", [{}, {"name": "e"}, {"name": "e", "path": 5}, {"name": "e", "path": "/", "method": "X"}]
)
def test_what_is_no_endpoint_can_not_be_called(stored: dict[str, Any]) -> None:
    with pytest.raises(NotConfiguredError):
        endpoint_of(stored)
