"""The process in which what tenants have written is evaluated.

It reads from standard input whose job comes and the job, and writes answers to standard output, each as its length in
four bytes and its bytes. It evaluates nothing itself: for each workspace it forks a process, with everything imported
already, that ends when a job of another workspace comes. So what breaks out of a template meets nobody else's data.
Every job may use so many seconds of CPU time as the one argument says; then the system ends the forked process. That
one has little memory, may open no file or connection, and is given no environment: there is nothing for it to find.
"""

import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
from jsonschema.validators import Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator

from tieline_sync.domain.pipeline.expressions import ExpressionError, found
from tieline_sync.domain.pipeline.inputs import SchemaInvalidError, problems_with
from tieline_sync.domain.pipeline.stages import answer_stages
from tieline_sync.domain.pipeline.templates import TemplateFailedError, rendered

MORE_MEMORY: Final = 256 * 1024 * 1024  # than the process has when it starts
LENGTH_BYTES: Final = 4
MOST_BYTES: Final = 2 ** (8 * LENGTH_BYTES) - 1
LARGEST_ANSWER: Final = 16 * 1024 * 1024  # an expression can name the same thing many times
PR_SET_PDEATHSIG: Final = 1
LOST: Final = b'{"exceeded": "takes too long, or too much memory"}'
TOO_LARGE: Final = b'{"exceeded": "is larger than %d bytes"}' % LARGEST_ANSWER


def main(cpu_seconds: float) -> None:
    """Answer jobs until standard input ends."""
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    _warm_up()
    gc.collect()
    gc.freeze()  # what is shared with forked processes stays shared
    _write(answers, b"{}")
    worker: _Worker | None = None
    while (whose := _read(jobs)) is not None and (job := _read(jobs)) is not None:
        if worker is not None and worker.whose != whose:
            worker.end()
            worker = None
        worker = worker or _Worker(whose, cpu_seconds)
        answer = worker.ask(job)
        if answer is None:
            worker.end()
            worker = None
        _write(answers, LOST if answer is None else answer)
    if worker is not None:
        worker.end()


class _Worker:
    """A forked process that evaluates one workspace's jobs."""

    def __init__(self, whose: bytes, cpu_seconds: float) -> None:
        self.whose = whose
        job_end, jobs = os.pipe()
        answers, answer_end = os.pipe()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _serve(job_end, answer_end, parent, cpu_seconds)
            finally:
                os._exit(1)
        os.close(job_end)
        os.close(answer_end)
        self._jobs, self._answers = os.fdopen(jobs, "wb"), os.fdopen(answers, "rb")

    def ask(self, job: bytes) -> bytes | None:
        """Return the answer, None when the process ran into its limits."""
        try:
            _write(self._jobs, job)
            return _read(self._answers, most=LARGEST_ANSWER)
        except BrokenPipeError:
            return None

    def end(self) -> None:
        """End the process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        with contextlib.suppress(BrokenPipeError):
            self._jobs.close()
        self._answers.close()


def _serve(job_end: int, answer_end: int, parent: int, cpu_seconds: float) -> None:
    """Evaluate jobs, confined, until there are no more; the forked process' whole life."""
    os.dup2(job_end, 0)
    os.dup2(answer_end, 1)
    os.closerange(3, 256)
    _end_with(parent)
    jobs, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(1, "wb", closefd=False)
    _confine()
    while (job := _read(jobs)) is not None:
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        answer = _answer(job)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(answers, answer)


def _end_with(parent: int) -> None:
    """Have the system end this process when the one that forked it ends, however that comes about."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _answer(job: bytes) -> bytes:
    try:
        asked = orjson.loads(job)
        answer = orjson.dumps(_check(asked) if asked["kind"] == "check" else _respond(asked))
    except MemoryError:
        return b'{"exceeded": "takes too much memory"}'
    except (RecursionError, orjson.JSONEncodeError):
        return b'{"exceeded": "is nested too deeply, or has no end"}'
    return answer if len(answer) <= LARGEST_ANSWER else TOO_LARGE


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
    limits = {
        resource.RLIMIT_DATA: _data_bytes() + MORE_MEMORY,
        resource.RLIMIT_NOFILE: 3,  # the standard ones, which are open already: no file, no connection
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _data_bytes() -> int:
    """Return what `RLIMIT_DATA` counts now. Not the peak that `getrusage` tells: that is inherited, over `exec` too."""
    data_and_stack = Path("/proc/self/statm").read_text().split()[5]
    return int(data_and_stack) * resource.getpagesize()


def _read(stream: BinaryIO, *, most: int = MOST_BYTES) -> bytes | None:
    """Return the next frame; None at the end, and where one is cut short or larger than `most`."""
    start = stream.read(LENGTH_BYTES)
    if len(start) < LENGTH_BYTES:
        return None
    length = int.from_bytes(start, "big")
    if length > most:
        return None
    frame = stream.read(length)
    return frame if len(frame) == length else None


def _write(stream: BinaryIO, frame: bytes) -> None:
    stream.write(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)
    stream.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
