"""The process in which what tenants have written is evaluated.

It reads jobs from standard input and writes answers to standard output, each as its length in four bytes and JSON.
Every job may use so many seconds of CPU time as the one argument says; then the system ends the process. It has little
memory, may open no file, and is given no environment: what breaks out of a template finds nothing.
"""

import contextlib
import resource
import signal
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import orjson
from jsonschema.validators import Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator

from tieline_sync.domain.pipeline.expressions import ExpressionError, found
from tieline_sync.domain.pipeline.inputs import SchemaInvalidError, problems_with
from tieline_sync.domain.pipeline.stages import answer_stages
from tieline_sync.domain.pipeline.templates import TemplateFailedError, rendered

MORE_MEMORY: Final = 256 * 1024 * 1024  # than the process has when it starts
LENGTH_BYTES: Final = 4


def main(cpu_seconds: float) -> None:
    """Answer jobs until standard input ends."""
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    _warm_up()
    _confine()
    _write(answers, b"{}")
    while (job := _read(jobs)) is not None:
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        answer = _answer(job)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(answers, answer)


def _answer(job: bytes) -> bytes:
    try:
        asked = orjson.loads(job)
        return orjson.dumps(_check(asked) if asked["kind"] == "check" else _respond(asked))
    except MemoryError:
        return b'{"exceeded": "takes too much memory"}'
    except (RecursionError, orjson.JSONEncodeError):
        return b'{"exceeded": "is nested too deeply, or has no end"}'


def _check(asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"problems": problems_with(asked["params"], asked["schema"])}
    except SchemaInvalidError as error:
        return {"failed": str(error)}


def _respond(asked: Mapping[str, Any]) -> dict[str, Any]:
    return answer_stages(asked["value"], asked["settings"])


def _warm_up() -> None:
    """Import now what the libraries import when it is first needed: later, no file can be opened."""
    for kind in (Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator):
        kind.check_schema({})
    problems_with({"at": "x"}, {"properties": {"at": {"format": "date-time", "pattern": "^a"}}})
    with contextlib.suppress(ExpressionError):
        found({}, "no function(", "")
    for template in ("{{ 1 | tojson }}{{ 'a b' | wordwrap(1) | urlize }}{{ [1] | pprint }}", "{{ 1 // 0 }}", "{% if"):
        with contextlib.suppress(TemplateFailedError):
            rendered(template, {})


def _confine() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    limits = {
        resource.RLIMIT_DATA: used + MORE_MEMORY,
        resource.RLIMIT_NOFILE: 3,  # the standard ones, which are open already: no file, no connection
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _read(stream: BinaryIO) -> bytes | None:
    length = stream.read(LENGTH_BYTES)
    return stream.read(int.from_bytes(length, "big")) if len(length) == LENGTH_BYTES else None


def _write(stream: BinaryIO, frame: bytes) -> None:
    stream.write(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)
    stream.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
