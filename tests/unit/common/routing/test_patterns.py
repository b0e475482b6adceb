import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline.routing.patterns import InvalidPatternError, Pattern, RoutePatterns, fold

from tests.unit.webhooks.domain.drawn_patterns import event_names, event_types, pattern_lists, patterns
from tests.unit.webhooks.domain.naive_matching import naive_list_matches, naive_matches

MATCHES = [
    # literal tokens
    ("incident.triggered", "incident.triggered", True),
    ("incident.triggered", "incident.triggered.again", False),
    ("incident.triggered", "incident", False),
    ("Incident.TRIGGERED", "incident.Triggered", True),
    # a star is one token; as the last token it is one or more
    ("sentry.*.created", "sentry.issue.created", True),
    ("sentry.*.created", "sentry.created", False),
    ("sentry.*.created", "sentry.issue.comment.created", False),
    ("*.issue.created", "sentry.issue.created", True),
    ("sentry.*", "sentry.issue", True),
    ("sentry.*", "sentry.issue.created", True),
    ("sentry.*", "sentry", False),
    ("sentry.*", "sentryx.issue", False),
    ("*.*", "sentry", False),
    ("*.*", "sentry.issue.created", True),
    ("*", "deploy", True),
    ("*", "sentry.issue.created", True),
    # a star among other characters stays within its token
    ("incident.trig*", "incident.triggered", True),
    ("incident.trig*", "incident.trig", True),
    ("incident.trig*", "incident.triggered.again", False),
    ("incident.trig*", "incident.x.trig", False),
    ("*alert.critical", "metric_alert.critical", True),
    ("*alert.critical", "alert.critical", True),
    ("*alert.critical", "metric.alert.critical", False),
    ("sentry.m*_*t.*", "sentry.metric_alert.critical", True),
    ("a*b*c", "a-b-b-c", True),
    ("a*b*c", "abc", True),
    ("a*b*c", "acb", False),
    ("ab*ba", "aba", False),
    ("ab*ba", "abba", True),
    ("*a*", "bab", True),
    ("*a*", "bbb", False),
    # two stars are any number of tokens, none included
    ("**", "sentry", True),
    ("sentry.**", "sentry", True),
    ("sentry.**", "sentry.issue.created", True),
    ("**.created", "created", True),
    ("**.created", "sentry.issue.created", True),
    ("**.created", "sentry.issue.created.twice", False),
    ("sentry.**.created", "sentry.created", True),
    ("sentry.**.created", "sentry.a.created.b.created", True),
    ("**.issue.**", "sentry.issue.created", True),
    ("**.issue.**", "sentry.event.created", False),
    ("**.*", "sentry", True),
    ("**.a.**.a.**.a", "a.a", False),
    ("**.a.**.a.**.a", "x.a.x.a.x.a", True),
    # letters of any script, composed or not
    ("bestellung.*", "BESTELLUNG.größe", True),
    ("straße", "STRASSE", True),
    ("caf\u00e9", "CAFE\u0301", True),
    ("वर्षा.*", "वर्षा.आरंभ", True),
    # a star reaches what a pattern can't spell
    ("com.example.*", "com.example.order placed!", True),
    ("com.amazonaws.s3.s3:ObjectCreated:*", "com.amazonaws.s3.s3:ObjectCreated:Put", True),
    # odd event types still have tokens
    ("a.*.b", "a..b", True),
    ("a.**.b", "a..b", True),
    ("*", "", True),
    ("a.*", "a.", True),
]

INVALID = [
    ("", "no pattern", 0),
    (" , ", "no pattern", 3),
    ("!", "nothing after '!'", 1),
    ("a, ! b", "nothing after '!'", 4),
    (".a", "empty token", 0),
    ("!.a", "empty token", 1),
    ("a..b", "empty token", 2),
    ("sentry.", "empty token", 7),
    ("sentry.*, incident.", "empty token", 19),
    ("sentry.iss?e", "character '?' is not allowed", 10),
    ("sentry.*;incident.*", "character ';' is not allowed", 8),
    ("a.b[cd]", "character '[' is not allowed", 3),
    ("a.\u20acb", "character '€' is not allowed", 2),
    ("a.\x00", "character '\\x00' is not allowed", 2),
    ("a!b", "'!' stands only in front", 1),
    ("!!a", "'!' stands only in front", 1),
    ("a.b**", "'**' must be a token of its own", 3),
    ("a.***", "'**' must be a token of its own", 2),
    ("ok, a**b.c", "'**' must be a token of its own", 5),
    ("x" * 257, "more than 256 characters", 256),
    ("!" + "x" * 256, "more than 256 characters", 256),
    ("ok " + "x" * 257, "more than 256 characters", 259),
    (".".join("a" * 17), "more than 16 tokens", 32),
    (" ".join(f"a{n:02}" for n in range(33)), "more than 32 patterns", 128),
    ("a" + " " * 9000, "more than 8256 characters", 8256),
]

LISTS = [
    ("sentry.*, !sentry.issue.resolved", ("sentry.issue.created",), True),
    ("sentry.*, !sentry.issue.resolved", ("sentry.issue.resolved",), False),
    ("!sentry.issue.resolved sentry.*", ("sentry.issue.resolved",), False),
    ("sentry.* incident.*", ("incident.triggered",), True),
    (" sentry.*,\tincident.*,\n", ("incident.triggered",), True),
    ("!sentry.*", ("incident.triggered",), True),
    ("!sentry.*", ("sentry.issue.created",), False),
    ("incident.*", ("incident.triggered", "pagerduty.incident.triggered"), True),
    ("pagerduty.*", ("incident.triggered", "pagerduty.incident.triggered"), True),
    ("incident.*, !pagerduty.**", ("incident.triggered", "pagerduty.incident.triggered"), False),
]


@pytest.mark.parametrize(("pattern", "event_type", "expected"), MATCHES)
def test_pattern_matches_what_the_table_says(pattern: str, event_type: str, expected: bool) -> None:
    assert Pattern.parse(pattern).matches(event_type) is expected


@pytest.mark.parametrize(("patterns", "names", "expected"), LISTS)
def test_list_takes_what_an_include_matches_and_no_exclude_does(
    patterns: str, names: tuple[str, ...], expected: bool
) -> None:
    assert RoutePatterns.parse(patterns).matches(names) is expected


@pytest.mark.parametrize(("text", "reason", "position"), INVALID)
def test_invalid_list_is_refused_with_reason_and_position(text: str, reason: str, position: int) -> None:
    with pytest.raises(InvalidPatternError) as refused:
        RoutePatterns.parse(text)

    assert (refused.value.pattern, refused.value.reason, refused.value.position) == (text, reason, position)


def test_blank_or_comma_is_refused_within_a_single_pattern() -> None:
    with pytest.raises(InvalidPatternError, match="character ' ' is not allowed"):
        Pattern.parse("sentry.* incident.*")


def test_error_message_does_not_repeat_a_huge_text() -> None:
    with pytest.raises(InvalidPatternError) as refused:
        RoutePatterns.parse("a" * 100_000)

    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Sentry.*", "sentry.*"),
        ("a.**.**.b", "a.**.b"),
        ("!B, A", "a, !b"),
        ("a a,A", "a"),
        ("!a", "*, !a"),
    ],
)
def test_patterns_have_one_spelling(text: str, canonical: str) -> None:
    assert RoutePatterns.parse(text).text == canonical


def test_longest_allowed_list_is_taken() -> None:
    longest = [f"{n:02}{'x' * 254}" for n in range(32)]

    assert len(RoutePatterns.parse(", ".join(longest)).includes) == 32


def test_overlapping_stars_cost_no_explosion() -> None:
    # Spending these stars in every possible way would take longer than anybody waits.
    assert not Pattern.parse(".".join(["**", "a"] * 7) + ".**.b").matches(".".join("a" * 200))
    assert not Pattern.parse("a*" * 40 + "b").matches("a" * 1_000)


@given(patterns, event_types)
def test_pattern_matches_what_the_naive_matcher_does(pattern: str, event_type: str) -> None:
    assert Pattern.parse(pattern).matches(event_type) is naive_matches(pattern, event_type)


@given(pattern_lists, event_names)
def test_list_takes_what_the_naive_matcher_does(text: str, names: tuple[str, ...]) -> None:
    assert RoutePatterns.parse(text).matches(names) is naive_list_matches(text, names)


@given(pattern_lists)
def test_canonical_spelling_parses_to_the_same(text: str) -> None:
    parsed = RoutePatterns.parse(text)

    assert RoutePatterns.parse(parsed.text) == parsed


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused_at_a_position_within_it(text: str) -> None:
    position = 0
    try:
        RoutePatterns.parse(text)
    except InvalidPatternError as refused:
        position = refused.position

    assert 0 <= position <= len(text)


@given(st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=12))
def test_a_word_of_any_script_matches_itself_however_it_is_written(word: str) -> None:
    pattern = Pattern.parse(word)

    assert pattern.matches(word)
    assert pattern.matches(unicodedata.normalize("NFD", word))
    assert Pattern.parse(pattern.text) == pattern
    assert not set(fold(word)) & set(".*!, ")
