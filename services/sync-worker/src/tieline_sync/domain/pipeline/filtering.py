r"""`response_filter`: which fields of the answer stay.

Each entry is a path of names joined by dots; `*` is any name, and a dot within a name is written `\.`. Lists are passed
through: a path goes on in each of their items. What a path leads to stays whole; what no path leads to goes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

ANY: Final = "*"
_DOTS = re.compile(r"(?<!\\)\.")


def filtered(value: Any, paths: Iterable[str]) -> Any:
    """Return `value` with the fields that `paths` lead to, in the answer's own order; without paths all of it.

    What has no fields (text, a number) stays as it is.
    """
    tree = _tree(paths)
    return _pruned(value, tree) if tree and isinstance(value, Mapping | list) else value


def _tree(paths: Iterable[str]) -> dict[str, Any]:
    """Return the paths as nested names; an empty object is the end of a path."""
    tree: dict[str, Any] = {}
    for path in paths:
        node: dict[str, Any] | None = tree
        names = [name.replace("\\.", ".") for name in _DOTS.split(path.strip()) if name]
        for position, name in enumerate(names):
            if node is None:
                break
            if position == len(names) - 1:
                node[name] = {}  # the whole, also where a longer path has asked for a part
                break
            if node.get(name) == {}:
                break  # the whole is kept already
            node = node.setdefault(name, {})
    return tree


_NOTHING = object()


def _pruned(value: Any, tree: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [kept for item in value if (kept := _pruned(item, tree)) is not _NOTHING]
    if not isinstance(value, Mapping):
        return _NOTHING
    kept_fields = {}
    for name, item in value.items():
        if name not in tree and ANY not in tree:
            continue
        below = tree[name] if name in tree else tree[ANY]
        kept = item if below == {} else _pruned(item, below)
        if kept is not _NOTHING:
            kept_fields[name] = kept
    return kept_fields
