"""`response_filter`: what paths lead to stays, nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_sync.domain.pipeline.filtering import filtered

ORDER = {"id": 1, "note": "x", "items": [{"sku": "a", "price": {"net": 1, "gross": 2}}, {"sku": "b"}], "a.b": 5}


@pytest.mark.parametrize(
    ("paths", "kept"),
    [
        ([], ORDER),
        (["id"], {"id": 1}),
        (["note", "id"], {"id": 1, "note": "x"}),
        (["items"], {"items": ORDER["items"]}),
        (["items.sku"], {"items": [{"sku": "a"}, {"sku": "b"}]}),
        (["items.price.net"], {"items": [{"price": {"net": 1}}, {}]}),
        (["items.price.net", "items.price"], {"items": [{"price": {"net": 1, "gross": 2}}, {}]}),
        (["items.price", "items.price.net"], {"items": [{"price": {"net": 1, "gross": 2}}, {}]}),
        (["items.*.net"], {"items": [{"price": {"net": 1}}, {}]}),
        (["*"], ORDER),
        (["*.sku"], {"items": [{"sku": "a"}, {"sku": "b"}]}),
        (["a\\.b"], {"a.b": 5}),
        (["a.b"], {}),
        (["id.deeper"], {}),
        (["nothing"], {}),
        ([" id "], {"id": 1}),
        (["", "."], ORDER),
    ],
)
def test_what_paths_lead_to_stays(paths: list[str], kept: Any) -> None:
    assert filtered(ORDER, paths) == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ([{"a": 1, "b": 2}, {"b": 3}], [{"a": 1}, {}]),
        ([[{"a": 1, "b": 2}]], [[{"a": 1}]]),
        ([1, "x", {"a": 1}], [{"a": 1}]),
        ("text", "text"),
        (None, None),
    ],
)
def test_lists_are_passed_through_and_what_has_no_fields_stays(value: Any, kept: Any) -> None:
    assert filtered(value, ["a"]) == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(
    JSON, st.lists(st.lists(st.sampled_from(["a", "b", "c", "*"]), min_size=1, max_size=3).map(".".join), max_size=3)
)
def test_filtering_again_changes_nothing(value: Any, paths: list[str]) -> None:
    once = filtered(value, paths)

    assert filtered(once, paths) == once


@given(st.dictionaries(st.text(min_size=1, max_size=6), st.integers(), max_size=5))
def test_any_name_can_be_written_as_a_path(value: dict[str, int]) -> None:
    value = {
        name: number for name, number in value.items() if name.strip() == name and "\\" not in name and name != "*"
    }

    assert filtered(value, [name.replace(".", "\\.") for name in value]) == value
