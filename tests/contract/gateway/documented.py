"""Comparing an answer with the one a document shows: names, types, nulls and nesting; values where they are known."""

import re
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
INSTANT_NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


def assert_same_shape(answer: Any, documented: Any, at: str = "$") -> None:
    """Fail unless `answer` has exactly the names and types of `documented`, and the form of its instants and UUIDs."""
    assert type(answer) is type(documented), f"{at}: {answer!r}, documented {documented!r}"
    if isinstance(documented, dict):
        assert set(answer) == set(documented), f"{at}: {sorted(answer)}, documented {sorted(documented)}"
        for name, value in documented.items():
            assert_same_shape(answer[name], value, f"{at}.{name}")
    elif isinstance(documented, list) and documented:
        assert answer, f"{at} is empty"
        for position, item in enumerate(answer):
            assert_same_shape(item, documented[min(position, len(documented) - 1)], f"{at}[{position}]")
    elif isinstance(documented, str):
        for form in (UUID, INSTANT_Z, INSTANT_NAIVE):
            if form.fullmatch(documented):
                assert form.fullmatch(answer), f"{at}: {answer!r} is not of the form of {documented!r}"
