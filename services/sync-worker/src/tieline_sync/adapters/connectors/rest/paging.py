"""How an endpoint's pages follow each other: told by its `response_mapping`, its parameters, or a `Link` header.

The endpoint's `input_schema` names the parameters it takes. Those with a default are always sent. `limit`, `offset` and
`page` mean what they say; which others ask for the next page or for what is new, the mapping tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tieline.contracts.base import JsonObject

from tieline_sync.adapters.connectors.links import next_link
from tieline_sync.domain.errors import ProviderRefusedError, ProviderUnavailableError
from tieline_sync.domain.records import Record

LIMIT: Final = "limit"
OFFSET: Final = "offset"
PAGE: Final = "page"
CURSOR: Final = "cursor"
COUNTED: Final = (OFFSET, PAGE)
DEFAULT_LIMIT: Final = 100
LOOP: Final = "The same page came again. Check how the endpoint asks for the next one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a run stands. `params` ask for the page, `since` for what is new, `newest` is for the next run.

    `rows` and `pages` are those before this page; `last` are the ids of the page before.
    """

    params: JsonObject = field(default_factory=dict)
    since: JsonObject = field(default_factory=dict)
    newest: JsonObject = field(default_factory=dict)
    rows: int = 0
    pages: int = 0
    last: Sequence[str] = ()

    def to_json(self) -> JsonObject:
        """Return what is stored."""
        return asdict(self)


class Parameters:
    """What the endpoint takes, by its `input_schema`."""

    def __init__(self, schema: Mapping[str, Any], *, page_size: int) -> None:
        properties = schema.get("properties")
        self._known: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
        self._page_size = page_size

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def of(self, cursor: Cursor) -> dict[str, Any]:
        """Return the parameters that ask for the page at `cursor`."""
        params = {name: one["default"] for name in self._known if "default" in (one := self._one(name))}
        if LIMIT in self:
            params[LIMIT] = self._limit()
        if OFFSET in self:
            params[OFFSET] = cursor.rows
        if PAGE in self:
            params[PAGE] = cursor.pages + self._first_page()
        return {**params, **cursor.since, **cursor.params}

    def read(self, name: str, text: str) -> Any:
        """Return a parameter that was given as text in the kind that the schema wants."""
        return int(text) if self._one(name).get("type") == "integer" and text.isdecimal() else text

    def _one(self, name: str) -> Mapping[str, Any]:
        stated = self._known[name]
        return stated if isinstance(stated, Mapping) else {}

    def _limit(self) -> int:
        stated = self._one(LIMIT)
        largest = stated.get("maximum", stated.get("default", DEFAULT_LIMIT))
        return min(self._page_size, largest) if isinstance(largest, int) else min(self._page_size, DEFAULT_LIMIT)

    def _first_page(self) -> int:
        lowest = self._one(PAGE).get("minimum", 1)
        return lowest if isinstance(lowest, int) else 1


def following(
    cursor: Cursor, records: Sequence[Record], mapped: Mapping[str, Any], *, link: str, parameters: Parameters
) -> Cursor | None:
    """Return the cursor after a page, None after the last.

    `mapped` is what the endpoint's mapping made of the page, `link` its `Link` header. Raises ProviderRefusedError for
    what leads nowhere.
    """
    if "next" in mapped:
        wanted = _stated(mapped["next"], parameters)
    elif link:
        wanted = _linked(link, parameters)
    else:
        wanted = {} if records and any(name in parameters for name in COUNTED) else None
    if wanted is None:
        return None
    ids = [record.id for record in records]
    if (wanted and wanted == cursor.params) or (ids and ids == cursor.last):
        raise ProviderRefusedError(LOOP)
    return replace(cursor, params=wanted, rows=cursor.rows + len(records), pages=cursor.pages + 1, last=ids)


def newest(known: Mapping[str, Any], stated: Any) -> JsonObject:
    """Return the parameters that ask for what comes after all pages so far: of each the largest value."""
    found = dict(known)
    for name, value in stated.items() if isinstance(stated, Mapping) else ():
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            continue
        before = found.get(name)
        if before is not None and isinstance(before, str) != isinstance(value, str):
            raise ProviderUnavailableError(f"Unreadable answer (`since.{name}` is sometimes text, sometimes a number)")
        found[name] = value if before is None else max(before, value)
    return found


def _stated(value: Any, parameters: Parameters) -> JsonObject | None:
    """Return the parameters of the next page as the mapping found them; None when it found nothing."""
    if value in (None, False, "") or value == {}:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool) and CURSOR in parameters:
        return {CURSOR: value}
    raise ProviderRefusedError(
        "The endpoint's mapping `next` has to be an object of parameters, or the value of the parameter `cursor`"
    )


def _linked(header: str, parameters: Parameters) -> JsonObject | None:
    """Return the parameters of the next page's address. Only those are used: its host may be one we must not call."""
    address = next_link(header)
    if address is None:
        return None
    query = parse_qsl(urlsplit(address).query)
    wanted = {name: parameters.read(name, text) for name, text in query if name in parameters}
    if not wanted:
        raise ProviderRefusedError(
            "The Link header leads to a page by parameters that the endpoint's input_schema does not name"
        )
    return wanted
