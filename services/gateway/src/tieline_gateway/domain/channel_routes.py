"""Surface C's channel routes: the documents and the canonical route, field by field the same in another case."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool
from tieline.clock import iso_z
from tieline.contracts.base import JsonObject
from tieline.contracts.routes import ChannelRoute
from tieline.routing.content_filter import compile_filter
from tieline.routing.patterns import MAX_LIST_CHARS, RoutePatterns
from typing_extensions import TypedDict

Channel = Literal["slack", "whatsapp", "telegram", "discord", "webhook"]
LONGEST_ID = 256
LONGEST_CHANNEL_ID = 2048  # a webhook's is its address


def _patterns(text: str) -> str:
    """Return `text` if it is a list of patterns. Raises InvalidPatternError, which says why and where."""
    RoutePatterns.parse(text)
    return text


def _filter(source: JsonObject) -> JsonObject:
    """Return `source` if it is a content filter. Raises InvalidFilterError, which says why and where."""
    compile_filter(source)
    return source


Patterns = Annotated[str, Field(min_length=1, max_length=MAX_LIST_CHARS), AfterValidator(_patterns)]
Reference = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
Filter = Annotated[JsonObject, AfterValidator(_filter)]


class RouteDocument(TypedDict):
    """A channel route. `createdAt` belongs to the answer of its creation, the last two are there when they are set."""

    id: str
    eventType: str
    channel: str
    channelId: str
    projectId: str | None
    enabled: bool
    createdAt: NotRequired[str]
    filter: NotRequired[JsonObject]
    fallbackRouteId: NotRequired[str]


class RouteList(TypedDict):
    """All channel routes."""

    routes: list[RouteDocument]


class RouteDeleted(TypedDict):
    """The answer to a deletion."""

    id: str
    deleted: bool


class RouteRequest(BaseModel):
    """Body of `POST /api/channel-routes`."""

    eventType: Patterns = Field(description="Event pattern (supports * wildcard)")  # noqa: N815 - the document's name
    channel: Channel = Field(description="Channel type")
    channelId: str = Field(min_length=1, max_length=LONGEST_CHANNEL_ID, description="Channel/group identifier")  # noqa: N815 - the document's name
    projectId: Reference | None = Field(default=None, description="Scope to specific project")  # noqa: N815 - the document's name
    enabled: StrictBool = True
    filter: Filter | None = Field(default=None, description="Content the event must have besides its type")
    fallbackRouteId: Reference | None = None  # noqa: N815 - the document's style


class RouteChange(BaseModel):
    """Body of `PATCH /api/channel-routes/{id}`: what is given changes; null takes project, filter or fallback away."""

    model_config = ConfigDict(extra="forbid")

    eventType: Patterns | None = None  # noqa: N815 - the document's name
    channel: Channel | None = None
    channelId: str | None = Field(default=None, min_length=1, max_length=LONGEST_CHANNEL_ID)  # noqa: N815 - the document's name
    projectId: Reference | None = None  # noqa: N815 - the document's name
    enabled: StrictBool | None = None
    filter: Filter | None = None
    fallbackRouteId: Reference | None = None  # noqa: N815 - the document's style

    def fields(self) -> dict[str, Any]:
        """Return the fields of the command."""
        cleared = {name for name in self.model_fields_set if getattr(self, name) is None}
        return {
            "event_type": self.eventType,
            "channel": self.channel,
            "channel_id": self.channelId,
            "project_id": self.projectId,
            "enabled": self.enabled,
            "filter": self.filter,
            "fallback_route_id": self.fallbackRouteId,
            "clear_project": "projectId" in cleared,
            "clear_filter": "filter" in cleared,
            "clear_fallback": "fallbackRouteId" in cleared,
        }


def route_document(route: ChannelRoute, *, created: bool = False) -> RouteDocument:
    """Return `route` as the document shows it; `createdAt` belongs to the answer of its creation."""
    document: RouteDocument = {
        "id": route.id,
        "eventType": route.event_type,
        "channel": route.channel,
        "channelId": route.channel_id,
        "projectId": route.project_id,
        "enabled": route.enabled,
    }
    if route.filter is not None:
        document["filter"] = route.filter
    if route.fallback_route_id is not None:
        document["fallbackRouteId"] = route.fallback_route_id
    if created:
        document["createdAt"] = iso_z(route.created_at)
    return document
