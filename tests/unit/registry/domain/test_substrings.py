"""Finding texts that contain a text, against looking at each of them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tieline_registry.domain.substrings import SubstringIndex

ids = st.integers(0, 60).map(str)
texts = st.text(alphabet="abc-", max_size=8)
changes = st.lists(st.tuples(ids, texts | st.none()), max_size=120)


@settings(max_examples=200)
@given(changes, st.text(alphabet="abc-", min_size=1, max_size=5))
def test_it_finds_what_a_look_at_each_text_finds(done: list[tuple[str, str | None]], needle: str) -> None:
    index = SubstringIndex()
    held: dict[str, str] = {}
    for identity, text in done:
        if text is not None:
            index.put(identity, text)
            held[identity] = text
        elif identity in held:
            index.remove(identity)
            del held[identity]

    assert index.containing(needle) == {identity for identity, text in held.items() if needle in text}


def test_no_match_spans_two_parts_of_a_text() -> None:
    index = SubstringIndex()
    index.put("1", "ab\0cd")

    assert index.containing("b\0c") == set()
    assert index.containing("cd") == {"1"}
