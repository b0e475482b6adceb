"""An integration's own endpoint as a source: one whose `response_mapping` has `records`.

Called like any run of that endpoint (credentials, transform, headers, retries); what the mapping calls `records` is
saved. See docs/connectors.md for what else it may say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tieline.contracts.base import JsonObject

from tieline_sync.adapters.connectors.answers import json_value
from tieline_sync.adapters.connectors.newest_first import text_of
from tieline_sync.adapters.connectors.rest.paging import Cursor, Parameters, following, newest
from tieline_sync.adapters.connectors.vendor import run_error, stored_body
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import MissingConfigurationError, ProviderRefusedError, ProviderUnavailableError
from tieline_sync.domain.pipeline.answers import value_of
from tieline_sync.domain.pipeline.endpoint import Endpoint, endpoint_of
from tieline_sync.domain.pipeline.request import request_of
from tieline_sync.domain.providers.authorization_code import OAuthApp
from tieline_sync.domain.providers.credentials import credential_of
from tieline_sync.domain.providers.errors import (
    CallInputError,
    CredentialsRefusedError,
    NotConfiguredError,
    ProviderCallError,
    RateLimitedError,
    UpstreamError,
)
from tieline_sync.domain.providers.limits import DEFAULT_WAIT
from tieline_sync.domain.providers.scrubbing import Scrubber
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording
from tieline_sync.handlers.endpoint_calls import EndpointCalls, Tries
from tieline_sync.handlers.provider_ports import Evaluator, ServerAnswer
from tieline_sync.ports import FetchedPage

RECORDS = "records"
SHORTEST_WAIT = timedelta(seconds=1)


class RestConnector:
    """Needs `base_url`, and an endpoint whose `response_mapping` has `records`; the first such is taken."""

    providers = ("rest",)

    def __init__(
        self,
        calls: EndpointCalls,
        evaluator: Evaluator,
        *,
        apps: Mapping[str, OAuthApp],
        new_id: Callable[[], str],
    ) -> None:
        self._calls = calls
        self._evaluator = evaluator
        self._apps = apps
        self._new_id = new_id

    def open(self, facts: Facts, *, page_size: int) -> "RestRecords":
        """Return the endpoint's records. Raises MissingConfigurationError."""
        service = facts.integration.display_name
        stored = next(filter(_has_records, facts.integration.endpoints), None)
        if stored is None:
            raise MissingConfigurationError(
                f"Missing {service} configuration (an endpoint whose response_mapping has `{RECORDS}`)"
            )
        try:
            endpoint = endpoint_of(stored)
        except NotConfiguredError as error:
            raise MissingConfigurationError(f"Missing {service} configuration ({error})") from error
        return RestRecords(self, facts, endpoint, page_size=page_size)

    async def answered(self, facts: Facts, endpoint: Endpoint, params: Mapping[str, Any]) -> tuple[ServerAnswer, Any]:
        """Return an endpoint's answer, and its value without secrets.

        Raises ProviderCallError, and the TransientErrors of what the worker itself needs.
        """
        problems = await self._evaluator.check(endpoint.input_schema, params, whose=facts.integration.workspace_id)
        if problems:
            raise CallInputError(problems)
        credential = credential_of(facts, apps=self._apps, params=params)
        request = request_of(
            endpoint,
            base_url=facts.find("config.base_url", "config.url") or "",
            params=params,
            consumed=credential.consumed if credential else frozenset(),
            unique=self._new_id(),
        )
        tries = await self._calls.send(facts.integration, endpoint, request, credential)
        answer = _usable(tries)
        scrubber = Scrubber([*facts.secrets.values(), *tries.secrets])
        return answer, value_of(answer.body, content_type=answer.content_type, scrubber=scrubber)

    async def mapped(self, endpoint: Endpoint, value: Any, *, whose: str) -> Mapping[str, Any]:
        """Return what the endpoint's filter and mapping make of an answer. Raises ProviderRefusedError."""
        asked = endpoint.answer_stages() | {"result_key": None, "result_template": None, "max_result_length": 1}
        stages = await self._evaluator.respond(value, asked, whose=whose)
        if stages["error"] is not None:
            raise ProviderRefusedError(f"{stages['error']}. Check the endpoint {endpoint.name}")
        found: Mapping[str, Any] = stages["after_mapping"]
        return found


class RestRecords:
    """What one endpoint lists. A record is an object with `id`, and perhaps `label`."""

    is_whole = False

    def __init__(self, connector: RestConnector, facts: Facts, endpoint: Endpoint, *, page_size: int) -> None:
        self._connector = connector
        self._facts = facts
        self._endpoint = endpoint
        self._parameters = Parameters(endpoint.input_schema, page_size=page_size)
        self.wording = Wording(service=facts.integration.display_name, records=RECORDS)

    def first(self, resume: JsonObject | None) -> JsonObject:
        """Return the cursor of the first page: of what is new since the last run, if the endpoint can tell."""
        since = (resume or {}).get("since", {})
        return Cursor(since=since, newest=since).to_json()

    async def fetch(self, cursor: JsonObject) -> FetchedPage:
        """Return the page at `cursor`."""
        at_cursor = Cursor(**cursor)
        try:
            answer, value = await self._connector.answered(self._facts, self._endpoint, self._parameters.of(at_cursor))
        except (CallInputError, NotConfiguredError) as error:
            raise ProviderRefusedError(f"{error}. Check the endpoint {self._endpoint.name}") from error
        except ProviderCallError as error:
            raise run_error(self.wording.service, error) from error
        workspace_id = self._facts.integration.workspace_id
        mapped = await self._connector.mapped(self._endpoint, value, whose=workspace_id)
        body = stored_body({RECORDS: mapped[RECORDS], "answer": value})
        records = self.records(body)
        moved = replace(at_cursor, newest=newest(at_cursor.newest, mapped.get("since")))
        after = following(moved, records, mapped, link=answer.link, parameters=self._parameters)
        return FetchedPage(
            body=body,
            rows=len(records),
            fresh=list(enumerate(records)),
            next=after.to_json() if after else None,
            resume={"since": moved.newest},
        )

    def records(self, body: bytes) -> Sequence[Record]:
        """Return the records of a stored page."""
        rows = json_value(body).get(RECORDS)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderUnavailableError("Unreadable answer (the mapping finds no list of records)")
        return [_record(row) for row in rows]


def _has_records(stored: Mapping[str, Any]) -> bool:
    mapping = stored.get("response_mapping")
    return isinstance(mapping, Mapping) and bool(mapping.get(RECORDS))


def _record(row: Mapping[str, Any]) -> Record:
    identity = text_of(row, "id")
    return Record(id=identity, label=str(row.get("label") or identity), data=dict(row))


def _usable(tries: Tries) -> ServerAnswer:
    """Return the answer if it is 2xx. Raises UpstreamError and its subclasses."""
    if tries.error is not None:
        raise tries.error
    answer = tries.answer
    if answer is None:
        raise AssertionError("a call without error has an answer")
    if answer.status == 429:
        raise RateLimitedError(DEFAULT_WAIT if answer.asked is None else max(answer.asked, SHORTEST_WAIT))
    if answer.status == 401:
        raise CredentialsRefusedError("HTTP 401")
    if not 200 <= answer.status < 300:
        raise UpstreamError(f"HTTP {answer.status}", is_outage=answer.status >= 500 or answer.status == 408)
    return answer
