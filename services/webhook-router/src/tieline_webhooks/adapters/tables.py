"""What the router knows of integrations and routes: built from the registry's compacted topics, then followed.

Tombstones drop a key. A record that can't be read is logged and changes nothing: the last good version stays in force.
"""

import logging
from collections.abc import Callable

from pydantic import ValidationError
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute as RouteRecord
from tieline.kafka.records import IncomingRecord
from tieline.routing.content_filter import InvalidFilterError, compile_filter
from tieline.routing.patterns import InvalidPatternError, RoutePatterns

from tieline_webhooks.adapters.webhook_secrets import WebhookSecrets
from tieline_webhooks.domain.integrations import IntegrationTable
from tieline_webhooks.domain.route_index import RouteTable
from tieline_webhooks.domain.routes import ChannelRoute

log = logging.getLogger(__name__)

OnIntegration = Callable[[Integration | None, Integration | None], None]
"""Told of an integration before and after a change; None is absent."""
OnRoute = Callable[[ChannelRoute], None]


class IntegrationFeed:
    """Applies integration records to the table and to the webhook secrets."""

    def __init__(self, table: IntegrationTable, secrets: WebhookSecrets, on_change: OnIntegration) -> None:
        self._table = table
        self._secrets = secrets
        self._on_change = on_change

    def apply(self, record: IncomingRecord) -> None:
        """Apply one record; safe to repeat."""
        if record.value is None:
            gone = self._table.remove(record.key)
            self._secrets.forget(record.key)
            if gone is not None:
                self._on_change(gone, None)
            return
        try:
            integration = Integration.model_validate_json(record.value)
        except ValidationError as error:
            facts = {"record": record.coordinates, "errors": error.error_count()}
            log.error("an integration could not be read", extra=facts)  # noqa: TRY400 - the error repeats its input
            return
        before = self._table.put(integration)
        self._secrets.follow(integration)
        self._on_change(before, integration)


class RouteFeed:
    """Applies route records to the routing table."""

    def __init__(self, table: RouteTable[ChannelRoute]) -> None:
        self._table = table

    def apply(self, record: IncomingRecord) -> None:
        """Apply one record; safe to repeat."""
        if record.value is None:
            self._table.remove(record.key)
            return
        try:
            self._table.put(route_of(RouteRecord.model_validate_json(record.value)))
        except (ValidationError, InvalidPatternError, InvalidFilterError) as error:
            log.error("a route could not be read", extra={"record": record.coordinates, "reason": type(error).__name__})  # noqa: TRY400 - the error repeats its input


def route_of(record: RouteRecord) -> ChannelRoute:
    """Return the route of a record, compiled. Raises InvalidPatternError, InvalidFilterError."""
    return ChannelRoute(
        id=record.id,
        workspace_id=record.workspace_id,
        event_type=record.event_type,
        patterns=RoutePatterns.parse(record.event_type),
        channel=record.channel,
        channel_id=record.channel_id,
        project_id=record.project_id,
        enabled=record.enabled,
        content_filter=None if record.filter is None else compile_filter(record.filter),
        fallback_route_id=record.fallback_route_id,
        created_at=record.created_at,
    )
