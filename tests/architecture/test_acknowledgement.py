"""Nothing acknowledges a record before its work is done.

FastStream's default policy commits first, and aiokafka's default commits by a timer; so each use names what it wants.
"""

import ast
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaRouter

from tests.architecture.sources import called_name, calls, place, python_sources

_COMMIT_TOO_EARLY = {AckPolicy.ACK_FIRST, AckPolicy.ACK, AckPolicy.REJECT_ON_ERROR}
"""The first commits before the work; the others also when it failed."""


def test_every_subscriber_names_its_ack_policy() -> None:
    found = [(path, call) for path in python_sources() for call in calls(path) if called_name(call) == "subscriber"]

    silent = [place(path, call) for path, call in found if "ack_policy" not in {word.arg for word in call.keywords}]

    assert found, "no subscriber was found: the test looks in the wrong place"
    assert silent == []


def test_no_named_ack_policy_commits_before_or_without_success() -> None:
    named = [
        (place(path, word.value), word.value.attr)
        for path in python_sources()
        for call in calls(path)
        for word in call.keywords
        if word.arg == "ack_policy" and isinstance(word.value, ast.Attribute)
    ]

    assert [where for where, policy in named if AckPolicy[policy] in _COMMIT_TOO_EARLY] == []


def test_no_consumer_commits_by_a_timer() -> None:
    consumers = [
        (path, call) for path in python_sources() for call in calls(path) if called_name(call) == "AIOKafkaConsumer"
    ]

    by_timer = [place(path, call) for path, call in consumers if not _says_no(call, "enable_auto_commit")]

    assert consumers, "no consumer was found: the test looks in the wrong place"
    assert by_timer == []


def test_routers_of_entrypoints_hold_no_subscriber_that_commits_too_early() -> None:
    modules = [_imported(path) for path in python_sources() if "entrypoints" in path.parts]
    routers = [router for module in modules if (router := _kafka_router(module)) is not None]

    early = [subscriber for router in routers for subscriber in router.subscribers if _is_early(subscriber)]

    assert early == []


def _is_early(subscriber: Any) -> bool:
    return subscriber.ack_policy in _COMMIT_TOO_EARLY


def _says_no(call: ast.Call, keyword: str) -> bool:
    return any(
        word.arg == keyword and isinstance(word.value, ast.Constant) and word.value.value is False
        for word in call.keywords
    )


def _imported(path: Path) -> ModuleType:
    parts = path.with_suffix("").parts
    return importlib.import_module(".".join(parts[parts.index("src") + 1 :]).removesuffix(".__init__"))


def _kafka_router(module: ModuleType) -> Any:
    build = getattr(module, "build_router", None)
    if build is None:
        return None
    try:
        router = build()
    except TypeError:  # it asks for what only bootstrap has
        return None
    return router if isinstance(router, KafkaRouter) else None
