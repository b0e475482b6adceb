import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline.routing.globs import Glob
from tieline_webhooks.domain.token_globs import TokenGlobs

from tests.unit.webhooks.domain.naive_matching import naive_glob_matches

ends, middles = st.text("ab", max_size=2), st.lists(st.text("ab", min_size=1, max_size=2), max_size=3)
globs = st.builds(lambda head, parts, tail: "*".join([head, *parts, tail]), ends, middles, ends).filter(
    lambda text: text != "*"
)
words = st.text("ab", max_size=8)


def globs_of(tokens: list[str]) -> TokenGlobs[str]:
    found: TokenGlobs[str] = TokenGlobs({}, {}, {})
    for token in tokens:
        found = found.with_value(token, token)
    return found


def matching(globs: TokenGlobs[str], word: str) -> list[str]:
    found: list[str] = []
    globs.add_matching(word, found)
    return sorted(found)


@given(globs, words)
def test_glob_matches_what_the_naive_matcher_does(glob: str, word: str) -> None:
    assert Glob.parse(glob).matches(word) is naive_glob_matches(glob, word)


@given(st.lists(globs, max_size=12), words)
def test_lookup_finds_every_matching_glob_once(tokens: list[str], word: str) -> None:
    assert matching(globs_of(tokens), word) == sorted({token for token in tokens if naive_glob_matches(token, word)})


@given(st.lists(globs, max_size=8), st.lists(globs, max_size=8), words)
def test_removed_globs_are_found_no_more(tokens: list[str], removed: list[str], word: str) -> None:
    index = globs_of(tokens)
    for token in removed:
        index = index.without_value(token)

    left = set(tokens) - set(removed)
    assert matching(index, word) == sorted(token for token in left if naive_glob_matches(token, word))
    assert len(index) == len(left)
    assert all((index.get(token) == token) is (token in left) for token in [*tokens, *removed])


@pytest.mark.parametrize("kind", ["prefix{:05}*", "*{:05}suffix", "*-{:05}-*", "a*{:05}*z"])
def test_one_glob_of_many_is_found(kind: str) -> None:
    index = globs_of([kind.format(number) for number in range(2_000)])

    assert matching(index, kind.format(1234).replace("*", "xx")) == [kind.format(1234)]
    assert matching(index, kind.format(5678).replace("*", "xx")) == []
