"""sysparm_limit and sysparm_offset, and the Link header that leads through the pages."""

from dataclasses import dataclass
from typing import NoReturn

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused

DEFAULT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """What was asked for, and how many rows there are. `uncounted`: the caller asked not to count."""

    offset: int
    limit: int
    total: int
    uncounted: bool

    def link(self, call: Call) -> str | None:
        """Return the Link header, None when one page holds everything."""
        if self.offset == 0 and self.total <= self.limit:
            return None
        offsets = {"first": 0}
        if self.offset > 0:
            offsets["prev"] = max(0, self.offset - self.limit)
        if self.offset + self.limit < self.total:
            offsets["next"] = self.offset + self.limit
        if not self.uncounted:
            offsets["last"] = max(0, (self.total - 1) // self.limit * self.limit)
        kept = [part for part in call.query_string.split("&") if part and not part.startswith("sysparm_offset=")]
        if not any(part.startswith("sysparm_limit=") for part in kept):
            kept.append(f"sysparm_limit={self.limit}")
        address = f"{call.base_url}{call.path}?{'&'.join(kept)}"
        return ",".join(f'<{address}&sysparm_offset={offset}>;rel="{rel}"' for rel, offset in offsets.items())


def page_of(call: Call, total: int) -> Page:
    """Read the page that a call asks for. Refuses a negative offset and what is not a number, with 400."""
    return Page(
        offset=_whole(call, "sysparm_offset", 0, least=0),
        limit=_whole(call, "sysparm_limit", DEFAULT_LIMIT, least=1),
        total=total,
        uncounted=call.query.get("sysparm_no_count") == "true",
    )


def _whole(call: Call, name: str, default: int, *, least: int) -> int:
    text = call.query.get(name, "")
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        _refuse(name, text)
    if value < least:
        _refuse(name, text)
    return value


def _refuse(name: str, text: str) -> NoReturn:
    error = {"message": f"Invalid value for {name}", "detail": f"{text} is not allowed"}
    raise Refused(json_answer({"error": error, "status": "failure"}, 400))
