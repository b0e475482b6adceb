"""What docs/routing.md tells users is so."""

import json
import re
from pathlib import Path

import pytest
from tieline.routing.content_filter import compile_filter
from tieline.routing.patterns import InvalidPatternError, RoutePatterns

PAGE = (Path(__file__).parents[4] / "docs" / "routing.md").read_text(encoding="utf-8")


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the table whose heading begins so."""
    lines = PAGE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(heading)) + 2
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[start:end]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`(.*?)`", cell)


@pytest.mark.parametrize("row", rows_under("| in a pattern"), ids=lambda row: row[2])
def test_pattern_takes_and_leaves_what_the_page_says(row: list[str]) -> None:
    patterns = RoutePatterns.parse(quoted(row[2])[0])

    assert quoted(row[3])
    assert all(patterns.matches((name,)) for name in quoted(row[3]))
    assert not any(patterns.matches((name,)) for name in quoted(row[4]))


@pytest.mark.parametrize("row", rows_under("| `eventType` | reason"), ids=lambda row: row[0])
def test_invalid_pattern_is_refused_as_the_page_says(row: list[str]) -> None:
    with pytest.raises(InvalidPatternError) as refused:
        RoutePatterns.parse(quoted(row[0])[0])

    assert (refused.value.reason, str(refused.value.position)) == (row[1], row[2])


def test_example_filter_passes_what_it_is_for() -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    compiled = compile_filter(json.loads(example[1]))
    issue = {"level": "error", "count": 12, "assignedTo": None, "project": {"slug": "checkout"}}

    assert compiled.matches({"action": "created", "data": {"issue": issue}})
    assert not compiled.matches({"action": "created", "data": {"issue": {**issue, "count": 9}}})


@pytest.mark.parametrize(
    "alternative",
    [text for row in rows_under("| alternative") for text in quoted(row[0])],
)
def test_alternative_on_the_page_is_taken(alternative: str) -> None:
    compile_filter({"field": [json.loads(alternative)]})
