"""The files that architecture tests read."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_IGNORED = {".git", ".venv", "node_modules", "target", "__pycache__", ".tieline", ".hypothesis"}


def project_files() -> list[Path]:
    """Return every file that belongs to the project: what git tracks or would, else what lies here."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not _IGNORED & set(path.relative_to(ROOT).parts)]


def python_sources() -> list[Path]:
    """Return the Python files of the libraries and services."""
    return sorted(path for top in ("libs", "services") for path in (ROOT / top).glob("*/src/**/*.py"))


def calls(path: Path) -> Iterator[ast.Call]:
    """Yield every call in a Python file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def called_name(call: ast.Call) -> str:
    """Return the last part of what is called: `subscriber` for `router.subscriber(...)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def place(path: Path, node: ast.expr) -> str:
    """Return `file:line`, relative to the project."""
    return f"{path.relative_to(ROOT)}:{node.lineno}"
