import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline.routing.content_filter import (
    MAX_DEPTH,
    MAX_TEXT_CHARS,
    MAX_VALUES,
    InvalidFilterError,
    compile_filter,
)

ISSUE = {
    "level": "error",
    "count": 12,
    "ratio": 0.5,
    "muted": False,
    "assignee": None,
    "tags": ["prod", "eu-west"],
    "project": {"slug": "checkout", "id": 7},
    "frames": [{"file": "cart.py", "line": 4}, {"file": "pay.py", "line": 90}],
    "empty": [],
    "matrix": [["a", "b"], ["c"]],
}

MATCHES = [
    # equality: type and value
    ({"level": ["error"]}, True),
    ({"level": ["fatal", "error"]}, True),
    ({"level": ["Error"]}, False),
    ({"level": ["fatal"]}, False),
    ({"count": [12]}, True),
    ({"count": [12.0]}, True),
    ({"count": ["12"]}, False),
    ({"muted": [False]}, True),
    ({"muted": [0]}, False),
    ({"assignee": [None]}, True),
    ({"nobody": [None]}, False),
    # all fields, at any depth
    ({"level": ["error"], "count": [12]}, True),
    ({"level": ["error"], "count": [13]}, False),
    ({"project": {"slug": ["checkout"]}}, True),
    ({"project": {"slug": ["checkout"], "id": [8]}}, False),
    ({"project": ["checkout"]}, False),
    ({"level": {"slug": ["error"]}}, False),
    # text
    ({"project": {"slug": [{"prefix": "check"}]}}, True),
    ({"project": {"slug": [{"prefix": "out"}]}}, False),
    ({"project": {"slug": [{"suffix": "out"}]}}, True),
    ({"project": {"slug": [{"suffix": "check"}]}}, False),
    ({"level": [{"equals-ignore-case": "ERROR"}]}, True),
    ({"level": [{"equals-ignore-case": "ERR"}]}, False),
    ({"level": [{"wildcard": "e*r"}]}, True),
    ({"level": [{"wildcard": "*rr*"}]}, True),
    ({"level": [{"wildcard": "e*x*r"}]}, False),
    ({"level": [{"wildcard": "error"}]}, True),
    ({"level": [{"wildcard": r"e\*r"}]}, False),
    ({"count": [{"prefix": "1"}]}, False),
    # numbers
    ({"count": [{"numeric": [">", 12]}]}, False),
    ({"count": [{"numeric": [">=", 12]}]}, True),
    ({"count": [{"numeric": ["<", 12.5]}]}, True),
    ({"count": [{"numeric": ["<=", 11]}]}, False),
    ({"count": [{"numeric": ["=", 12]}]}, True),
    ({"count": [{"numeric": [">=", 5, "<", 12]}]}, False),
    ({"count": [{"numeric": [">", 5, "<=", 12]}]}, True),
    ({"ratio": [{"numeric": [">=", 0.5, "<=", 0.5]}]}, True),
    ({"muted": [{"numeric": ["=", 0]}]}, False),
    ({"level": [{"numeric": [">", 0]}]}, False),
    # anything but
    ({"level": [{"anything-but": "info"}]}, True),
    ({"level": [{"anything-but": ["info", "error"]}]}, False),
    ({"count": [{"anything-but": [12]}]}, False),
    ({"muted": [{"anything-but": [0]}]}, True),
    ({"assignee": [{"anything-but": ["ann"]}]}, True),
    ({"assignee": [{"anything-but": [None]}]}, False),
    ({"nobody": [{"anything-but": ["ann"]}]}, False),
    ({"level": [{"anything-but": {"prefix": "err"}}]}, False),
    ({"level": [{"anything-but": {"suffix": ["x", "y"]}}]}, True),
    ({"level": [{"anything-but": {"wildcard": "e*"}}]}, False),
    ({"level": [{"anything-but": {"equals-ignore-case": ["INFO", "ERROR"]}}]}, False),
    ({"count": [{"anything-but": {"prefix": "1"}}]}, True),
    ({"project": [{"anything-but": ["x"]}]}, False),
    # existence
    ({"level": [{"exists": True}]}, True),
    ({"assignee": [{"exists": True}]}, True),
    ({"project": [{"exists": True}]}, True),
    ({"empty": [{"exists": True}]}, True),
    ({"nobody": [{"exists": True}]}, False),
    ({"nobody": [{"exists": False}]}, True),
    ({"assignee": [{"exists": False}]}, False),
    ({"nobody": {"name": [{"exists": False}]}}, True),
    ({"nobody": {"name": [{"exists": True}]}}, False),
    ({"level": {"name": [{"exists": False}]}}, True),
    ({"empty": {"name": [{"exists": False}]}}, True),
    ({"level": [{"exists": False}, "error"]}, True),
    # arrays: any element will do, and an object of an array as a whole
    ({"tags": ["prod"]}, True),
    ({"tags": ["dev"]}, False),
    ({"tags": [{"prefix": "eu-"}]}, True),
    ({"tags": [{"anything-but": ["prod"]}]}, True),
    ({"tags": [{"anything-but": ["prod", "eu-west"]}]}, False),
    ({"matrix": ["c"]}, True),
    ({"empty": ["prod"]}, False),
    ({"frames": {"file": ["pay.py"]}}, True),
    ({"frames": {"file": ["pay.py"], "line": [90]}}, True),
    ({"frames": {"file": ["pay.py"], "line": [4]}}, False),
    # any branch, together with the fields beside it
    ({"$or": [{"level": ["fatal"]}, {"count": [12]}]}, True),
    ({"$or": [{"level": ["fatal"]}, {"count": [13]}]}, False),
    ({"level": ["error"], "$or": [{"muted": [True]}, {"tags": ["prod"]}]}, True),
    ({"level": ["fatal"], "$or": [{"muted": [False]}]}, False),
    ({"project": {"$or": [{"slug": ["x"]}, {"id": [7]}]}}, True),
    ({"$or": [{"$or": [{"count": [1]}, {"count": [12]}]}, {"level": ["x"]}]}, True),
]

INVALID = [
    ([], "", "must be an object"),
    ("level", "", "must be an object"),
    ({}, "", "must not be empty"),
    ({"a": {}}, "/a", "must not be empty"),
    ({"a": []}, "/a", "must not be empty"),
    ({"a": "error"}, "/a", "must be a list of alternatives, or an object"),
    ({"a": {"prefix": "x"}}, "/a/prefix", "must be a list of alternatives, or an object"),
    ({"a": [["x"]]}, "/a/0", "must be a value or an operator"),
    ({"a": ["x", {}]}, "/a/1", "must hold exactly one operator"),
    ({"a": [{"prefix": "x", "suffix": "y"}]}, "/a/0", "must hold exactly one operator"),
    (
        {"a": [{"regex": "x"}]},
        "/a/0/regex",
        "unknown operator, not one of exists, anything-but, numeric, prefix, suffix, equals-ignore-case, wildcard",
    ),
    ({"$and": [{"a": ["x"]}]}, "/$and", "unknown operator; only $or starts with $"),
    ({"$or": {"a": ["x"]}}, "/$or", "must be a list of objects"),
    ({"$or": []}, "/$or", "must be a list of objects"),
    ({"$or": [{"a": ["x"]}, "b"]}, "/$or/1", "must be an object"),
    ({"$or": [{"a": ["x"]}, {}]}, "/$or/1", "must not be empty"),
    ({"a": [{"prefix": 5}]}, "/a/0/prefix", "must be a string"),
    ({"a": [{"prefix": ""}]}, "/a/0/prefix", "must not be empty"),
    ({"a": [{"wildcard": "a\\b"}]}, "/a/0/wildcard", "a backslash goes before a star or a backslash"),
    ({"a": [{"exists": "yes"}]}, "/a/0/exists", "must be true or false"),
    ({"a": [{"numeric": 5}]}, "/a/0/numeric", 'must be like [">=", 5] or [">=", 5, "<", 10]'),
    ({"a": [{"numeric": [">"]}]}, "/a/0/numeric", 'must be like [">=", 5] or [">=", 5, "<", 10]'),
    ({"a": [{"numeric": ["!=", 5]}]}, "/a/0/numeric/0", "must be one of = < <= > >="),
    ({"a": [{"numeric": [[], 5]}]}, "/a/0/numeric/0", "must be one of = < <= > >="),
    ({"a": [{"numeric": [">", "5"]}]}, "/a/0/numeric/1", "must be a number"),
    ({"a": [{"numeric": [">", 5, "<", True]}]}, "/a/0/numeric/3", "must be a number"),
    (
        {"a": [{"numeric": ["<", 5, ">", 1]}]},
        "/a/0/numeric",
        "a range is a lower bound, > or >=, then an upper one, < or <=",
    ),
    ({"a": [{"numeric": [">", 5, "<", 1]}]}, "/a/0/numeric", "no number is in this range"),
    ({"a": [{"numeric": [">", 5, "<=", 5]}]}, "/a/0/numeric", "no number is in this range"),
    ({"a": [{"anything-but": []}]}, "/a/0/anything-but", "must not be empty"),
    ({"a": [{"anything-but": [["x"]]}]}, "/a/0/anything-but/0", "must be a string, number, boolean or null"),
    (
        {"a": [{"anything-but": {"numeric": ["=", 1]}}]},
        "/a/0/anything-but/numeric",
        "not one of prefix, suffix, equals-ignore-case, wildcard",
    ),
    ({"a": [{"anything-but": {"prefix": ["x", 5]}}]}, "/a/0/anything-but/prefix/1", "must be a string"),
    ({"a/b": {"~": "x"}}, "/a~1b/~0", "must be a list of alternatives, or an object"),
    ({"a": [float("nan")]}, "/a/0", "must be a finite number"),
    ({"a": [{"numeric": ["<", float("inf")]}]}, "/a/0/numeric/1", "must be a finite number"),
    ({"a": [b"x"]}, "/a/0", "must be a JSON value"),
    ({"a": {1: ["x"]}}, "/a", "a field's name must be a string"),
    ({"a": ["x" * 1025]}, "/a/0", "a string or name of more than 1024 characters"),
    ({"x" * 1025: ["a"]}, "", "a string or name of more than 1024 characters"),
    ({"a": list(range(600))}, "/a/510", "more than 512 values"),
]

OBJECTIONS = [
    ({"level": ["fatal"]}, "/level: none of the alternatives matches"),
    ({"project": {"owner": ["ann"]}}, "/project/owner: absent"),
    ({"level": ["error"], "a/b": ["x"]}, "/a~1b: absent"),
    ({"level": [{"exists": False}]}, "/level: none of the alternatives matches"),
    ({"frames": {"file": ["x.py"]}}, "/frames/file: none of the alternatives matches"),
    ({"$or": [{"level": ["fatal"]}, {"count": [1]}]}, "/$or: none of the branches matches"),
    ({"project": {"$or": [{"slug": ["x"]}]}}, "/project/$or: none of the branches matches"),
]


def nested(levels: int) -> object:
    source: object = ["x"]
    for _ in range(levels):
        source = {"a": source}
    return source


@pytest.mark.parametrize(("source", "expected"), MATCHES)
def test_filter_passes_what_the_table_says(source: object, expected: bool) -> None:
    assert compile_filter(source).matches(ISSUE) is expected


@pytest.mark.parametrize(("source", "path", "reason"), INVALID)
def test_invalid_filter_is_refused_with_path_and_reason(source: object, path: str, reason: str) -> None:
    with pytest.raises(InvalidFilterError) as refused:
        compile_filter(source)

    assert (refused.value.path, refused.value.reason) == (path, reason)


@pytest.mark.parametrize(("source", "objection"), OBJECTIONS)
def test_objection_names_the_field_and_says_how_it_fails(source: object, objection: str) -> None:
    assert compile_filter(source).why_not(ISSUE) == objection


def test_passing_data_meets_no_objection() -> None:
    assert compile_filter({"level": ["error"]}).why_not(ISSUE) is None


@pytest.mark.parametrize("data", [None, "text", 5, [], [1, "x"]])
def test_data_that_is_no_object_has_no_fields(data: object) -> None:
    assert compile_filter({"level": [{"exists": False}]}).matches(data)
    assert compile_filter({"level": ["error"]}).why_not(data) == "/level: absent"


def test_deepest_and_largest_allowed_filters_are_taken() -> None:
    compile_filter(nested(MAX_DEPTH - 1))
    compile_filter(
        {
            "a": ["x"] * (MAX_VALUES - 2),
        }
    )
    compile_filter({"a" * MAX_TEXT_CHARS: ["x" * MAX_TEXT_CHARS]})


@pytest.mark.parametrize("levels", [MAX_DEPTH, 400])
def test_deeper_filter_is_refused(levels: int) -> None:
    with pytest.raises(InvalidFilterError, match="nested deeper than 16 levels"):
        compile_filter(nested(levels))


def test_data_nested_deeper_than_the_stack_is_looked_through() -> None:
    deep: object = "x"
    for _ in range(50_000):
        deep = [deep]

    assert compile_filter({"a": ["x"]}).matches({"a": deep})
    assert compile_filter({"a": {"b": [{"exists": False}]}}).matches({"a": deep})


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5]) | st.text("ab", max_size=2)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@given(objects, st.sampled_from("abc"), st.lists(scalars, min_size=1, max_size=3))
def test_literals_match_by_json_equality_of_any_element(
    data: dict[str, object], name: str, literals: list[object]
) -> None:
    def elements(value: object) -> list[object]:
        return [inner for part in value for inner in elements(part)] if isinstance(value, list) else [value]

    def alike(left: object, right: object) -> bool:
        return isinstance(left, bool) == isinstance(right, bool) and left == right

    found = elements(data[name]) if name in data else []
    expected = any(alike(element, wanted) for element in found for wanted in literals)

    assert compile_filter({name: literals}).matches(data) is expected


@given(objects, st.sampled_from("abc"), st.lists(scalars, min_size=1, max_size=3))
def test_or_of_two_filters_passes_what_either_does(data: dict[str, object], name: str, literals: list[object]) -> None:
    one, other = {name: literals}, {"b": [{"exists": False}], "c": [{"anything-but": [1]}]}

    either = compile_filter({"$or": [one, other]}).matches(data)
    both = compile_filter({**one, "$or": [other]}).matches(data)

    assert either is (compile_filter(one).matches(data) or compile_filter(other).matches(data))
    assert both is (compile_filter(one).matches(data) and compile_filter(other).matches(data))


@given(values)
def test_any_json_is_compiled_or_refused_and_never_fails_otherwise(source: object) -> None:
    try:
        compiled = compile_filter(json.loads(json.dumps(source)))
    except InvalidFilterError:
        return

    assert compiled.matches({}) is (compiled.why_not({}) is None)
