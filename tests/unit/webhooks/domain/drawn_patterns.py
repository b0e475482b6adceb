"""Patterns and event types from so few letters and tokens that they meet often."""

from hypothesis import strategies as st

_WORDS = st.text("ab", min_size=1, max_size=3)
_PATTERN_TOKENS = st.one_of(
    _WORDS,
    st.just("*"),
    st.just("**"),
    st.text("ab*", min_size=1, max_size=5).filter(lambda token: "**" not in token),
)

event_types = st.lists(_WORDS, min_size=1, max_size=5).map(".".join)
event_names = st.lists(event_types, min_size=1, max_size=2).map(tuple)
patterns = st.lists(_PATTERN_TOKENS, min_size=1, max_size=5).map(".".join)
pattern_lists = st.lists(
    st.one_of(patterns, patterns, patterns.map(lambda text: f"!{text}")), min_size=1, max_size=3
).map(", ".join)
