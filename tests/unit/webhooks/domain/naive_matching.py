"""The pattern language once more, obviously right and slow: what the real matchers are held against."""


def naive_matches(pattern: str, event_type: str) -> bool:
    """Say whether one pattern (without `!`) matches, by trying every way to spend its stars."""
    tokens = pattern.lower().split(".")
    if tokens[-1] == "*":
        tokens.append("**")  # one token, then any number: one or more
    return _tokens_match(tokens, event_type.lower().split("."))


def naive_list_matches(patterns: str, names: tuple[str, ...]) -> bool:
    """Say whether a route's list takes an event with these names."""
    written = patterns.replace(",", " ").split()
    includes = [pattern for pattern in written if not pattern.startswith("!")] or ["*"]
    excludes = [pattern[1:] for pattern in written if pattern.startswith("!")]
    return any(naive_matches(pattern, name) for pattern in includes for name in names) and not any(
        naive_matches(pattern, name) for pattern in excludes for name in names
    )


def naive_glob_matches(glob: str, text: str) -> bool:
    """Say whether a text with stars matches a whole text."""
    if not glob:
        return not text
    if glob[0] == "*":
        return any(naive_glob_matches(glob[1:], text[skipped:]) for skipped in range(len(text) + 1))
    return bool(text) and glob[0] == text[0] and naive_glob_matches(glob[1:], text[1:])


def _tokens_match(pattern: list[str], tokens: list[str]) -> bool:
    if not pattern:
        return not tokens
    if pattern[0] == "**":
        return any(_tokens_match(pattern[1:], tokens[skipped:]) for skipped in range(len(tokens) + 1))
    if not tokens:
        return False
    return (pattern[0] == "*" or naive_glob_matches(pattern[0], tokens[0])) and _tokens_match(pattern[1:], tokens[1:])
