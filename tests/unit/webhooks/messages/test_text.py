"""Words of others are cut and cleaned so that nobody sees half a character or a hidden one."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.messages.text import (
    ELLIPSIS,
    Escapes,
    fit,
    length,
    one_line,
    several_lines,
    without_mentions,
)

from tests.unit.webhooks.messages.events import words

HTML: Escapes = {ord("&"): "&amp;", ord("<"): "&lt;"}

CLUSTERS = ["👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "👍🏽", "❤️", "क्षि", "\u1112\u1161\u11ab", "1️⃣",
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"]  # fmt: skip


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cut_never_falls_within_what_people_see_as_one_character(cluster: str) -> None:
    text = cluster * 20

    for limit in range(1, length(text)):
        kept = fit(text, limit)

        assert length(kept) <= limit
        assert kept.removesuffix(ELLIPSIS) == cluster * (len(kept.removesuffix(ELLIPSIS)) // len(cluster))


def test_what_fits_is_left_as_it_is() -> None:
    assert fit("Total is wrong", 14) == "Total is wrong"
    assert fit("Total is wrong", 13) == "Total is wro…"


def test_a_cut_leaves_no_space_before_the_ellipsis() -> None:
    assert fit("Total is wrong", 10) == "Total is…"


def test_escapes_count_and_are_never_cut_in_two() -> None:
    assert fit("a&b", 7, HTML) == "a&amp;b"
    assert fit("a&b&c", 10, HTML) == "a&amp;b…"
    assert fit("&&&&", 9, HTML) == "&amp;…"


def test_a_tower_of_accents_is_cut_all_the_same() -> None:
    tower = "Z" + "\u0301" * 5_000

    assert length(fit(tower, 100)) == 100


@given(text=words, limit=st.integers(0, 60))
def test_a_fitted_text_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert length(fit(one_line(text), limit, HTML)) <= limit


@given(text=words)
def test_length_counts_utf_16_units(text: str) -> None:
    assert length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(text=words)
def test_a_cleaned_text_can_be_sent_and_hides_nothing(text: str) -> None:
    line, lines = one_line(text), several_lines(text)

    lines.encode()
    assert not any(unicodedata.category(each) == "Cc" for each in line)
    assert not any(unicodedata.category(each) == "Cc" and each not in "\n\t" for each in lines)
    assert not any(unicodedata.bidirectional(each) in {"LRO", "RLO", "LRE", "RLE", "LRI", "RLI"} for each in lines)


@pytest.mark.parametrize(
    ("text", "disarmed"),
    [("@everyone look", "@\u200beveryone look"), ("cc @ada, @bob", "cc @\u200bada, @\u200bbob"),
     ("mail ada@example.com", "mail ada@example.com"), ("5 @ 3", "5 @ 3"), ("(@ada)", "(@\u200bada)")],
)  # fmt: skip
def test_a_name_behind_an_at_calls_nobody_and_an_address_stays(text: str, disarmed: str) -> None:
    assert without_mentions(text) == disarmed
