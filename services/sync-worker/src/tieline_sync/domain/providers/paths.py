"""Values as parts of a path: encoded whole, so that none reaches another path or another host."""

import re
from urllib.parse import quote

from tieline_sync.domain.providers.errors import CallInputError, Problem

_SEPARATORS = re.compile(r"[/\\]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def segment(value: str, name: str = "id") -> str:
    """Return `value` as one segment of a path.

    Servers that decode before they split must not be led elsewhere either, so a value whose parts between slashes are
    `.` or `..` is refused. Raises CallInputError.
    """
    if not value:
        raise CallInputError([Problem((name,), f"{name} must not be empty")])
    if {".", ".."}.intersection(_SEPARATORS.split(value)) or _CONTROLS.search(value):
        raise CallInputError([Problem((name,), f"{name} can't be part of a path")])
    try:
        return quote(value, safe="")
    except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON lets pass
        raise CallInputError([Problem((name,), f"{name} is not text")]) from error
