from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.persistent import MAX_SMALL, PersistentMap, WideMap, with_entry, without_entry


def as_dict(entries: PersistentMap[int]) -> dict[str, int]:
    return entries.as_dict() if isinstance(entries, WideMap) else entries


def a_map_of(size: int) -> PersistentMap[int]:
    entries: PersistentMap[int] = {}
    for number in range(size):
        entries = with_entry(entries, f"k{number}", number)
    return entries


@given(
    st.integers(0, 2 * MAX_SMALL),
    st.lists(st.tuples(st.booleans(), st.integers(0, 2 * MAX_SMALL)), max_size=200),
)
def test_map_holds_what_a_dict_would_after_any_updates(size: int, updates: list[tuple[bool, int]]) -> None:
    entries = a_map_of(size)
    expected = {f"k{number}": number for number in range(size)}

    for adds, number in updates:
        key = f"k{number}"
        if adds:
            entries, expected = with_entry(entries, key, -number - 1), {**expected, key: -number - 1}
        else:
            entries = without_entry(entries, key)
            expected.pop(key, None)

    assert as_dict(entries) == expected
    assert len(entries) == len(expected)
    assert sorted(entries.values()) == sorted(expected.values())
    assert all(entries.get(f"k{number}") == expected.get(f"k{number}") for number in range(2 * MAX_SMALL))


@given(st.integers(MAX_SMALL - 3, MAX_SMALL + 3), st.integers(0, MAX_SMALL + 3))
def test_update_leaves_the_older_version_as_it_was(size: int, number: int) -> None:
    older = a_map_of(size)
    before = dict(as_dict(older))

    with_entry(older, f"k{number}", -1)
    without_entry(older, f"k{number}")

    assert as_dict(older) == before


def test_emptied_map_is_a_plain_empty_dict_again() -> None:
    entries = a_map_of(3 * MAX_SMALL)
    was_wide = isinstance(entries, WideMap)

    for number in range(3 * MAX_SMALL):
        entries = without_entry(entries, f"k{number}")

    assert was_wide
    assert entries == {}
