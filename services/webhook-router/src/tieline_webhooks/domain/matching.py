"""Which routes take an event."""

import json
from dataclasses import replace

from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.route_index import RouteIndex, RouteTable
from tieline_webhooks.domain.routes import ChannelRoute, Verdict, decide, decide_matched


class RoutedEvent:
    """An event as routes see it; its data is decoded only if a content filter asks for it."""

    __slots__ = ("_body", "_data", "_decoded", "event")

    def __init__(self, event: NormalisedEvent, body: bytes) -> None:
        self.event = event
        self._body = body
        self._data: object = None
        self._decoded = False

    @property
    def names(self) -> tuple[str, ...]:
        """The event's type, then its other names."""
        return self.event.names

    @property
    def project_id(self) -> str | None:
        """The sender's id of the project that the event belongs to, if any."""
        return self.event.project_id

    @property
    def project(self) -> str | None:
        """The name, slug or key of that project."""
        return self.event.project

    @property
    def data(self) -> object:
        """The decoded body; None when it is no JSON."""
        if not self._decoded:
            self._decoded = True
            try:
                self._data = json.loads(self.event.repaired_body or self._body)
            except (ValueError, RecursionError):
                self._data = None
        return self._data


class Matcher:
    """Asks the routes of all workspaces."""

    def __init__(self, routes: RouteTable[ChannelRoute]) -> None:
        self.routes = routes

    def takes(self, workspace_id: str, event: NormalisedEvent, body: bytes) -> bool:
        """Tell whether any route takes the event."""
        matched = self.routes.match(workspace_id, event.names)
        for route in matched:
            if route.takes_all:  # nearly always the first
                return True
        routed = RoutedEvent(event, body)
        return any(decide_matched(route, routed).takes for route in matched)

    def takers(self, workspace_id: str, event: NormalisedEvent, body: bytes) -> list[ChannelRoute]:
        """Return the routes that take the event, and those that would if they were not disabled."""
        routed = RoutedEvent(event, body)
        return [
            route
            for route in self.routes.match(workspace_id, event.names)
            if decide_matched(route if route.enabled else replace(route, enabled=True), routed).takes
        ]

    def verdicts(self, workspace_id: str, event: NormalisedEvent, body: bytes) -> list[tuple[ChannelRoute, Verdict]]:
        """Return what each route of the workspace says to the event."""
        routed = RoutedEvent(event, body)
        index: RouteIndex[ChannelRoute] = self.routes.index_of(workspace_id)
        return [(route, decide(route, routed)) for route in index]
