"""Domain and handlers are handed instants and ids: a redelivered record must give the same ones."""

import ast
from pathlib import Path

from tests.architecture.sources import called_name, calls, place, python_sources

_CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "system_clock"}
_MAKERS_OF_IDS = {"uuid1", "uuid4", "new_id"}
_READS_THE_WORLD = _CLOCKS | _MAKERS_OF_IDS
_PURE_ROOMS = {"domain", "handlers"}


def test_domain_and_handlers_read_neither_clock_nor_entropy() -> None:
    files = [path for path in python_sources() if _PURE_ROOMS & set(path.parts)]

    impure = [
        f"{place(path, call)}: {ast.unparse(call.func)}"
        for path in files
        for call in calls(path)
        if called_name(call) in _READS_THE_WORLD and not _is_handed_in(call)
    ]

    assert files, "no such room was found: the test looks in the wrong place"
    assert impure == []


def test_only_the_clock_module_asks_for_the_present_instant() -> None:
    asking = {
        str(path.relative_to(Path(__file__).parents[2]))
        for path in python_sources()
        for call in calls(path)
        if called_name(call) in {"now", "utcnow"} and ast.unparse(call.func).startswith("datetime")
    }

    assert asking <= {"libs/common/src/tieline/clock.py"}


def _is_handed_in(call: ast.Call) -> bool:
    """Tell whether a clock or maker of ids that was passed in is called: `self._clock.now()`, `self._new_id()`.

    The event loop's own time only says when a timer is due; nothing that is saved or sent comes from it.
    """
    return ast.unparse(call.func).startswith("self.") or ast.unparse(call.func) == "loop.time"
