"""What tenants have written is evaluated as documented, and can neither run on, nor grow, nor look around."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
import pytest_asyncio
from tieline_sync.adapters.providers.sandbox import Sandbox, SandboxBusyError
from tieline_sync.domain.providers.errors import NotConfiguredError

from tests.support.waiting import eventually

NOTHING: dict[str, Any] = {
    "response_filter": [],
    "response_mapping": None,
    "result_key": None,
    "result_template": None,
    "max_result_length": 0,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """One sandbox for all tests: each must leave it fit for the next."""
    shared = Sandbox(1, cpu_time=timedelta(seconds=0.3))
    yield shared
    await shared.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def stages(sandbox: Sandbox, value: Any, *, whose: str = "w1", **settings: Any) -> dict[str, Any]:
    return await sandbox.respond(value, {**NOTHING, **settings}, whose=whose)


@pytest.mark.parametrize(
    ("settings", "result"),
    [
        ({}, '{"a":[{"b":1},{"b":2}],"n":"näme"}'),
        ({"result_key": "n"}, "näme"),
        ({"result_key": "a[1].b"}, "2"),
        ({"result_key": "missing"}, ""),
        ({"response_mapping": {"x": "a[].b", "y": "missing"}}, '{"x":[1,2],"y":null}'),
        ({"response_mapping": {"x": "a[].b"}, "result_key": "x[0]"}, "1"),
        ({"response_filter": ["n"], "response_mapping": {"x": "a"}}, '{"x":null}'),
        ({"result_template": "{{ n }}: {{ a | length }}{{ gone.deeper }}"}, "näme: 2"),
        ({"result_key": "a", "result_template": "{% for one in result %}{{ one.b }};{% endfor %}"}, "1;2;"),
        ({"result_key": "n", "max_result_length": 3}, "näm"),
        ({"result_template": "{{ 'x' * 50 }}", "max_result_length": 7}, "x" * 7),
    ],
)
async def test_stages_work_in_the_documented_order(sandbox: Sandbox, settings: dict[str, Any], result: str) -> None:
    shown = await stages(sandbox, {"a": [{"b": 1}, {"b": 2}], "n": "näme"}, **settings)

    assert (shown["final_result"], shown["error"]) == (result, None)


async def test_a_stage_that_fails_is_named_and_those_before_it_are_shown(sandbox: Sandbox) -> None:
    mapping = await stages(sandbox, {"a": 1}, response_mapping={"x": "a[", "y": "a"})
    template = await stages(sandbox, {"a": 1}, response_mapping={"x": "a"}, result_template="{% for %}")
    undefined = await stages(sandbox, {"a": 1}, result_key="nope(@)")

    assert (mapping["after_filter"], mapping["after_mapping"]) == ({"a": 1}, None)
    assert mapping["error"].startswith("response_mapping.x: ")
    assert template["after_mapping"] == {"x": 1}
    assert template["error"].startswith("result_template: line 1: ")
    assert undefined["error"].startswith("result_key: ")
    assert [each["final_result"] for each in (mapping, template, undefined)] == [None, None, None]


RUNAWAYS = {
    "a loop in a loop": {
        "result_template": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    },
    "doubling text": {
        "result_template": "{% set x = namespace(v='a') %}{% for i in range(99) %}{% set x.v = x.v ~ x.v %}{% endfor %}"
    },
    "a long text": {"result_template": "{{ 'a' * 10**11 }}"},
    "a wide number": {"result_template": "{{ '%1000000000d' | format(1) }}"},
    "padding": {"result_template": "{{ 'a'.center(10**11) }}"},
    "a large number": {"result_template": "{{ (10**9)**(10**6) }}"},
    "calling itself": {"result_template": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
    "much text": {"result_template": "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}"},
    "doubling lists": {"result_key": " | ".join(["[@,@]"] * 40)},
}


@pytest.mark.parametrize("settings", RUNAWAYS.values(), ids=RUNAWAYS)
async def test_what_runs_on_or_grows_is_stopped(sandbox: Sandbox, settings: dict[str, Any]) -> None:
    started = time.process_time()

    shown = await stages(sandbox, {"a": 1}, **settings)
    afterwards = await stages(sandbox, {"a": 1}, result_key="a")

    assert shown["final_result"] is None
    assert shown["error"]
    assert time.process_time() - started < 1  # of this process, which goes on with its work meanwhile
    assert afterwards["final_result"] == "1"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ result.__class__.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ ''|attr('__class__') }}",
        "{{ '{0.__class__.__mro__}'.format(1) }}",
        "{{ lipsum }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os }}",
        "{{ range.__self__ }}",
        "{% set result = 1 %}{{ config }}{{ request }}",
    ],
)
async def test_a_template_sees_nothing_but_the_result(sandbox: Sandbox, template: str) -> None:
    shown = await stages(sandbox, {"a": 1}, result_template=template)

    text = f"{shown['final_result']} {shown['error']}"
    for inside in ("object at", "<class", "<module", "root:", "environ(", "<built-in"):
        assert inside not in text


ESCAPED = """
import os, socket
from tieline_sync.adapters.providers import sandbox_child
sandbox_child._warm_up()
sandbox_child._confine()
for attempt in (
    lambda: open("/etc/passwd"),
    lambda: open(f"/proc/{os.getppid()}/environ"),
    lambda: os.listdir("/"),
    lambda: socket.socket(),
    lambda: os.pipe(),
    lambda: bytearray(600 * 1024 * 1024),
):
    try:
        attempt()
        print("possible")
    except (OSError, MemoryError) as error:
        print(type(error).__name__)
"""


STARTED_BY_A_LARGE_PROCESS = """
import subprocess, sys
much = bytearray(b"x") * (700 * 1024 * 1024)
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


async def test_what_broke_out_of_a_template_could_open_nothing_and_grow_no_larger() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTED_BY_A_LARGE_PROCESS, ESCAPED, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()

    assert said.decode().split() == ["OSError"] * 5 + ["MemoryError"]


SHOWS_WHO_ANSWERS = """
import os
from tieline_sync.adapters.providers import sandbox_child
sandbox_child._answer = lambda job: str(os.getpid()).encode()
sandbox_child.main(1.0)
"""


async def test_no_process_works_for_two_workspaces() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SHOWS_WHO_ANSWERS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    frames = [frame for whose in ("w1", "w1", "w2", "w1") for frame in (whose.encode(), b"{}")]
    said, _ = await process.communicate(b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames))

    first, second, third, fourth = frames_of(said)[1:]
    assert first == second
    assert len({first, third, fourth, str(process.pid).encode()}) == 4


def frames_of(said: bytes) -> list[bytes]:
    found = []
    while said:
        length = int.from_bytes(said[:4], "big")
        found.append(said[4 : 4 + length])
        said = said[4 + length :]
    return found


async def test_an_answer_can_not_be_multiplied_without_measure(sandbox: Sandbox) -> None:
    many = {f"copy{number}": "@" for number in range(40)}

    shown = await stages(sandbox, "x" * 1_000_000, response_mapping=many)
    fewer = await stages(sandbox, "x" * 1_000_000, response_mapping={"one": "@", "two": "@"})

    assert (shown["final_result"], shown["error"]) == (None, "the result is larger than 16777216 bytes")
    assert fewer["error"] is None
    assert len(fewer["final_result"]) == 1_048_576


async def test_no_filter_of_the_template_language_needs_a_file(sandbox: Sandbox) -> None:
    errors = {}
    for name in jinja2.filters.FILTERS:
        shown = await stages(sandbox, {"a": "one two"}, result_template=f"{{{{ a | {name} }}}}")
        errors[name] = shown["error"] or ""

    assert len(errors) > 40
    assert [name for name, error in errors.items() if "open files" in error or "No module" in error] == []
    assert [errors[name] for name in ("upper", "wordwrap", "urlize", "tojson", "random", "pprint")] == [""] * 6


@pytest.mark.parametrize(
    ("schema", "params", "places"),
    [
        ({}, {"anything": 1}, []),
        ({"type": "object", "required": ["a", "b"]}, {}, [("a",), ("b",)]),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "1"}, [("a",)]),
        ({"properties": {"a": {"items": {"minimum": 3}}}}, {"a": [5, 1]}, [("a", 1)]),
        ({"additionalProperties": False}, {"x": 1}, [()]),
        ({"properties": {"at": {"format": "date"}}}, {"at": "yesterday"}, [("at",)]),
        ({"$defs": {"n": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}, {"a": "x"}, [("a",)]),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": {"maximum": 3}}},
            {"a": 4},
            [("a",)],
        ),
    ],
)
async def test_parameters_are_checked_by_the_schema(
    sandbox: Sandbox, schema: dict[str, Any], params: dict[str, Any], places: list[tuple[Any, ...]]
) -> None:
    assert [problem.path for problem in await sandbox.check(schema, params, whose="w1")] == places


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"properties": 5},
        {"$ref": "#"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "http://127.0.0.1:1/schema"},
        {"$ref": "file:///etc/passwd"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"pattern": "^(a+)+$"}}},
    ],
)
async def test_a_schema_that_is_none_leads_elsewhere_or_runs_on_is_no_schema(
    sandbox: Sandbox, schema: dict[str, Any]
) -> None:
    with pytest.raises(NotConfiguredError, match="input_schema"):
        await sandbox.check(schema, {"a": "a" * 40 + "!"}, whose="w1")


async def test_many_at_once_are_all_evaluated(sandbox: Sandbox) -> None:
    shown = await asyncio.gather(*(stages(sandbox, {"n": n}, result_key="n") for n in range(200)))

    assert [each["final_result"] for each in shown] == [str(n) for n in range(200)]


async def test_a_workspace_that_keeps_it_busy_holds_up_no_other() -> None:
    sandbox = Sandbox(2)
    endless = [asyncio.create_task(stages(sandbox, {}, **RUNAWAYS["a loop in a loop"])) for _ in range(60)]
    try:
        async with asyncio.timeout(30):  # where the sixty would take a minute of processor time
            shown = [await stages(sandbox, {"n": n}, whose="w2", result_key="n") for n in range(20)]
        still_waiting = [task for task in endless if not task.done()]
    finally:
        for task in endless:
            task.cancel()
        await asyncio.gather(*endless, return_exceptions=True)
        await sandbox.close()

    assert [each["final_result"] for each in shown] == [str(n) for n in range(20)]
    assert len(still_waiting) > 20


async def test_more_than_may_wait_are_told_to_come_back(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieline_sync.adapters.providers.sandbox.MOST_WAITING_OF_ONE", 5)

    crowd = [stages(sandbox, {}, result_key="a") for _ in range(8)]
    outcomes = await asyncio.gather(*crowd, stages(sandbox, {}, whose="w2", result_key="a"), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [dict] * 5 + [SandboxBusyError] * 3 + [dict]


async def test_no_process_is_left_behind() -> None:
    sandbox = Sandbox(2)
    await asyncio.gather(*(stages(sandbox, {}, whose=f"w{n}", result_template="x") for n in range(8)))
    children = [child._process.pid for child in sandbox._all]
    forked = [int(pid) for child in children for pid in read_text(f"/proc/{child}/task/{child}/children").split()]

    await sandbox.close()

    assert 1 <= len(children) <= 2
    assert len(forked) == len(children)
    await eventually(lambda: not any(is_running(pid) for pid in (*children, *forked)))


def read_text(path: str) -> str:
    return Path(path).read_text(encoding="ascii")


def is_running(pid: int) -> bool:
    """Tell whether a process is there and no zombie, which waits for nobody but a reaper."""
    try:
        return read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
