"""Optional data that lies beside the project: real webhook bodies, signature vectors, vendors' schemas.

Nothing of it belongs to the project. A test that reads it says so by calling `shared_data`, and is skipped without it.
"""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """Return the path of a file or folder of the optional data; skip the test if it is not there."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"optional data {'/'.join(parts)} is not beside the project")
    return path


def shared_files(*parts: str, pattern: str = "*.json") -> list[Path]:
    """Return the files below a folder of the optional data, sorted; none if it is not there. For parametrising."""
    return sorted(SHARED_DATA.joinpath(*parts).rglob(pattern))
