"""ServiceNow's Table API: `GET /api/now/table/incident`, its OAuth token endpoint, and rows put by a test."""

import math
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.credentials import basic_credentials
from tieline_simulators.servicenow.incidents import generated_incidents, moment, stable_sys_id
from tieline_simulators.servicenow.oauth import TokenIssuer
from tieline_simulators.servicenow.paging import Page, page_of
from tieline_simulators.servicenow.query import parse
from tieline_simulators.servicenow.table import Row, Table
from tieline_simulators.servicenow.values import DisplayValue, Presentation, References
from tieline_simulators.stand_in import InvalidConfigurationError, StandIn

INCIDENTS = 320
OUT_OF_TIME = "Transaction cancelled: maximum execution time exceeded"
NO_RECORD = ("No Record found", "Record doesn't exist or ACL restricts the record retrieval")


class ServiceNowSimulator(StandIn):
    """One instance with the table `incident`; `records` hold plain values, references by name.

    `users` and `oauth_clients` set what is accepted; without them any user and password, client or bearer token does.
    `acl_hides_every` N hides about one row in N from pages after the limit was applied, as access rules do.
    """

    name = "servicenow"
    settings: ClassVar[frozenset[str]] = frozenset(
        {"tokens", "users", "oauth_clients", "oauth_seconds", "acl_hides_every", "utc_offset_minutes"}
    )

    def __init__(
        self, records: Iterable[Mapping[str, str]] | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(clock=clock)
        self.references = References()
        given = generated_incidents(INCIDENTS) if records is None else records
        self.table = Table(self._stored(record) for record in given)
        self.issuer = TokenIssuer()
        self.users: Mapping[str, str] | None = None
        self.acl_hides_every = 0
        self.utc_offset = timedelta(hours=-7)  # the zone of display values; not UTC, so that mixing them up shows

    def routes(self) -> Sequence[Route]:
        """Return the vendor's paths."""
        tables = ("/api/now/table", "/api/now/v1/table", "/api/now/v2/table")
        return [
            *(self.endpoint(f"{base}/{{table}}", self.list_records) for base in tables),
            *(self.endpoint(f"{base}/{{table}}/{{sys_id}}", self.one_record) for base in tables),
            self.endpoint("/oauth_token.do", self.oauth_token, "POST"),
        ]

    def control_routes(self) -> Sequence[Route]:
        """Return `POST /_rows`, which takes `{"rows": [{…}], "delete": [sys_id]}`."""
        return [Route("/_rows", self._rows, methods=["POST"])]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take the settings of the class's docstring; `oauth_seconds` is how long a token lives."""
        super().apply(settings)
        if "users" in settings:
            self.users = _strings_by_name(settings["users"], "users")
        if "oauth_clients" in settings:
            self.issuer.clients = _strings_by_name(settings["oauth_clients"], "oauth_clients")
        self.issuer.access_seconds = _number(settings, "oauth_seconds", self.issuer.access_seconds)
        self.acl_hides_every = int(_number(settings, "acl_hides_every", self.acl_hides_every))
        minutes = _number(settings, "utc_offset_minutes", self.utc_offset.total_seconds() / 60)
        self.utc_offset = timedelta(minutes=minutes)

    def failure(self, status: int) -> Response:
        """Return ServiceNow's error envelope."""
        message, detail = {
            401: ("User Not Authenticated", "Required to provide Auth information"),
            403: ("Insufficient rights to query records", None),
            404: NO_RECORD,
            405: ("Method not supported", None),
        }.get(status, (f"Error {status}", None))
        answer = _error(status, message, detail)
        if status == 401:
            answer.headers["WWW-Authenticate"] = 'BASIC realm="Service-now"'
        return answer

    def rate_limited(self, retry_after: float) -> Response:
        """Return the 429 of a rate limit rule: per user and hour, whole seconds."""
        answer = _error(429, "Rate limit exceeded", "Rate limit of 100 requests per hour for Table API exceeded")
        answer.headers.update(
            {
                "Retry-After": str(max(1, math.ceil(retry_after))),
                "X-RateLimit-Limit": "100",
                "X-RateLimit-Reset": str(int(self.clock() + retry_after)),
                "X-RateLimit-Rule": stable_sys_id("rate limit rule"),
            }
        )
        return answer

    def cut_short(self, answer: Response) -> Response:
        """Return a 200 whose transaction ran out of time: half of the rows, then an error in the same body."""
        document = orjson.loads(bytes(answer.body))
        rows = document.get("result")
        if not isinstance(rows, list):
            return answer
        error = {"detail": f"{OUT_OF_TIME}. Check logs for error trace.", "message": OUT_OF_TIME}
        kept = {name: answer.headers[name] for name in ("x-total-count", "link") if name in answer.headers}
        return json_answer({"result": rows[: len(rows) // 2], "error": error, "status": "failure"}, headers=kept)

    def list_records(self, call: Call) -> Response:
        """Answer one page of a query."""
        self._check(call)
        encoded = call.query.get("sysparm_query") or _plain_filters(call, self.table)
        found = self.table.find(parse(encoded, self.table.columns))
        page = page_of(call, found.total)
        rows = [row for row in found.page(page.offset, page.limit) if not self._hidden(row)]
        if found.total == 0 and "/v1/" in call.path:
            raise Refused(self.failure(404))
        headers = self._page_headers(call, page)
        return json_answer({"result": self._shown(call, rows)}, headers=headers)

    def one_record(self, call: Call) -> Response:
        """Answer one record by sys_id."""
        self._check(call)
        row = self.table.get(call.params["sys_id"])
        if row is None or self._hidden(row):
            raise Refused(self.failure(404))
        return json_answer({"result": self._shown(call, [row])[0]})

    def oauth_token(self, call: Call) -> Response:
        """Hand out tokens."""
        form = call.body if isinstance(call.body, dict) else {}
        client = basic_credentials(call.headers.get("authorization", ""))
        client_id, secret = client or (form.get("client_id", ""), form.get("client_secret", ""))
        if not self.issuer.knows_client(client_id, secret):
            raise Refused(json_answer({"error": "invalid_client", "error_description": "access_denied"}, 401))
        grant = form.get("grant_type")
        now = self.clock()
        if grant == "client_credentials":
            allowed = True
        elif grant == "password":
            allowed = self._knows_user(form.get("username", ""), form.get("password", ""))
        elif grant == "refresh_token":
            allowed = self.issuer.is_live(form.get("refresh_token", ""), "refresh", now)
        else:
            raise Refused(json_answer({"error": "unsupported_grant_type", "error_description": str(grant)}, 400))
        if not allowed:
            raise Refused(json_answer({"error": "invalid_grant", "error_description": "access_denied"}, 401))
        return json_answer(self.issuer.issue(now=now, with_refresh=grant != "client_credentials"))

    def put_rows(self, records: Iterable[Mapping[str, str]]) -> list[str]:
        """Insert or change rows, found by `sys_id` or `number`; return their sys_ids.

        A row that names no `sys_updated_on` was updated just now.
        """
        return [self._put(record) for record in records]

    def remove_rows(self, sys_ids: Iterable[str]) -> None:
        """Delete rows; those that are not there are no matter."""
        for sys_id in sys_ids:
            self.table.remove(sys_id)

    def _put(self, record: Mapping[str, str]) -> str:
        sys_id = record.get("sys_id") or self._sys_id_of(record.get("number", ""))
        now = moment(datetime.fromtimestamp(self.clock(), UTC))
        existing = self.table.get(sys_id)
        base = self.table.record(existing) if existing else {"sys_created_on": now}
        self.table.put({**base, "sys_updated_on": now, **self._stored(record), "sys_id": sys_id})
        return sys_id

    def _sys_id_of(self, number: str) -> str:
        found = self.table.find(parse(f"number={number}", self.table.columns)).page(0, 1)
        return found[0][0] if number and found else stable_sys_id(f"incident {number or len(self.table)}")

    def _stored(self, record: Mapping[str, str]) -> dict[str, str]:
        return {column: self.references.stored(column, value) for column, value in record.items()}

    def _check(self, call: Call) -> None:
        user = basic_credentials(call.headers.get("authorization", ""))
        token = call.bearer() or ""
        if not (self._knows_user(*user) if user else self._knows_token(token)):
            raise Refused(self.failure(401))
        if "accept" not in call.headers:
            raise Refused(_error(400, "Requested response format is not supported", "Accept header is required"))
        if call.params["table"] != "incident":
            table = call.params["table"]
            raise Refused(_error(400, f"Invalid table {table}", f"Table {table} does not exist"))

    def _knows_user(self, user: str, password: str) -> bool:
        if self.users is None:
            return bool(user and password)
        return bool(password) and self.users.get(user) == password

    def _knows_token(self, token: str) -> bool:
        if self.issuer.was_issued(token) or self.issuer.clients is not None:
            return self.issuer.is_live(token, "access", self.clock()) or (
                self.tokens is not None and token in self.tokens
            )
        return self.knows(token)

    def _hidden(self, row: Row) -> bool:
        return self.acl_hides_every > 0 and zlib.crc32(row[0].encode()) % self.acl_hides_every == 0

    def _page_headers(self, call: Call, page: Page) -> dict[str, str]:
        headers = {} if page.uncounted else {"X-Total-Count": str(page.total)}
        link = page.link(call)
        if link and call.query.get("sysparm_suppress_pagination_header") != "true":
            headers["Link"] = link
        return headers

    def _shown(self, call: Call, rows: Sequence[Row]) -> list[dict[str, object]]:
        wanted = [name.strip() for name in call.query.get("sysparm_fields", "").split(",") if name.strip()]
        names = (
            [name for name in wanted if name.partition(".")[0] in self.table.columns]
            if wanted
            else list(self.table.columns)
        )
        display = call.query.get("sysparm_display_value", "false")
        presentation = Presentation(
            self.references,
            cast("DisplayValue", display if display in ("true", "all") else "false"),
            None if call.query.get("sysparm_exclude_reference_link") == "true" else call.base_url,
            self.utc_offset,
        )
        return [{name: self._cell(presentation, row, name) for name in names} for row in rows]

    def _cell(self, presentation: Presentation, row: Row, name: str) -> object:
        value = self.table.value(row, name.partition(".")[0])
        return presentation.walk(name, value) if "." in name else presentation.show(name, value)

    async def _rows(self, request: Request) -> Response:
        try:
            document = orjson.loads(await request.body())
            rows, gone = document.get("rows", []), document.get("delete", [])
            checked = [_strings_by_name(row, "rows") or {} for row in rows]
        except (orjson.JSONDecodeError, AttributeError, TypeError, InvalidConfigurationError) as error:
            return json_answer({"error": f'expected {{"rows": [{{…}}], "delete": [sys_id]}}: {error}'}, 400)
        self.remove_rows(str(sys_id) for sys_id in gone)
        return json_answer({"sys_ids": self.put_rows(checked)})


def _plain_filters(call: Call, table: Table) -> str:
    """Return the query of `name=value` parameters, which count only without sysparm_query."""
    return "^".join(f"{name}={value}" for name, value in call.query.multi_items() if name in table.columns)


def _error(status: int, message: str, detail: str | None) -> Response:
    return json_answer({"error": {"message": message, "detail": detail}, "status": "failure"}, status)


def _strings_by_name(value: object, name: str) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise InvalidConfigurationError(f"'{name}' holds strings by name")
    return dict(value)


def _number(settings: Mapping[str, object], name: str, default: float) -> float:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidConfigurationError(f"'{name}' is a number")
    return value
