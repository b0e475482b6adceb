"""Logs: one line of JSON each, with the ids of the trace they belong to."""

import json
import logging
import sys
from typing import Any

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
from tieline.observability.logs import JsonFormatter

_TRACE_ID, _SPAN_ID = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7


def _line(record: logging.LogRecord) -> dict[str, Any]:
    written = JsonFormatter("registry").format(record)
    assert "\n" not in written
    found: dict[str, Any] = json.loads(written)
    return found


def _record(message: str = "stopped", **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("tieline.tests", logging.WARNING, __file__, 1, message, (), None)
    made.__dict__.update(fields)
    return made


def test_a_line_says_when_who_and_what_with_its_fields() -> None:
    line = _line(_record(group="registry.apply", records=3))

    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "service": "registry",
        "logger": "tieline.tests",
        "message": "stopped",
        "group": "registry.apply",
        "records": 3,
    }


def test_a_line_within_a_trace_names_it() -> None:
    here = SpanContext(trace_id=_TRACE_ID, span_id=_SPAN_ID, is_remote=False, trace_flags=TraceFlags(1))

    with use_span(NonRecordingSpan(here)):
        line = _line(_record())

    assert line["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert line["span_id"] == "00f067aa0ba902b7"


def test_a_text_of_several_lines_and_an_exception_stay_on_one() -> None:
    record = _record("first\nsecond")
    try:
        int("several\nlines")
    except ValueError:
        record.exc_info = sys.exc_info()

    line = _line(record)

    assert line["message"] == "first\nsecond"
    assert "ValueError: invalid literal" in line["exception"]
