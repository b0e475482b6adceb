"""No file names a machine it was made on, or a package registry's host; nothing unfinished is left lying about."""

import re
from pathlib import Path

from tests.architecture.sources import ROOT, project_files

# Put together here, so that this file does not hold what it looks for.
_REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
    )
]
_HOME = "/" + "|/".join(("home", "root", "Users", "work"))
_MACHINE_PATH = re.compile(rf"(?<![\w.}}/:*-])(?:{_HOME})/[\w.-]+")
_UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
_BINARY = {".png", ".ico", ".woff2", ".gz", ".jar"}


def test_no_file_names_a_package_registry() -> None:
    assert _places(re.compile("|".join(map(re.escape, _REGISTRIES)))) == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert _places(_MACHINE_PATH) == []


def test_no_source_file_is_left_unfinished() -> None:
    assert _places(_UNFINISHED, suffixes={".py", ".sh", ".js", ".ts", ".css"}) == []


def _places(pattern: re.Pattern[str], suffixes: set[str] | None = None) -> list[str]:
    """Return `file:line: text` wherever `pattern` stands."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in project_files()
        if path.suffix not in _BINARY and (suffixes is None or path.suffix in suffixes)
        for number, line in enumerate(_lines(path), start=1)
        if pattern.search(line)
    ]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()
