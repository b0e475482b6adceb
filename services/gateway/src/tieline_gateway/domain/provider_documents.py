"""Surface C's documents of what providers answer, and of what is sent to them."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class OnCall(TypedDict):
    """Somebody on call. An on-call without end has neither `since` nor `until`."""

    userId: str | None
    name: str | None
    email: str | None
    escalationLevel: int
    since: str | None
    until: str | None


class OnCallResponse(TypedDict):
    """Who is on call; null when nobody is."""

    oncall: OnCall | None


class Assignee(TypedDict):
    """Whom an incident is assigned to."""

    name: str | None
    email: str | None


class Incident(TypedDict):
    """A PagerDuty incident."""

    id: str | None
    title: str | None
    status: str | None
    urgency: str | None
    service: str | None
    createdAt: str | None
    assignee: Assignee | None


class IncidentsResponse(TypedDict):
    """Incidents, and how many there are in all."""

    incidents: list[Incident]
    total: int


class AcknowledgeRequest(BaseModel):
    """Body of an acknowledgement."""

    acknowledgedBy: ShortText | None = Field(  # noqa: N815 - the document's name
        default=None, description="Who acknowledges, noted at the incident; the caller by default"
    )


class AcknowledgeResponse(TypedDict):
    """An incident that is acknowledged."""

    id: str | None
    status: str | None
    acknowledgedAt: str | None


class Team(TypedDict):
    """A Linear team."""

    id: str | None
    name: str | None
    key: str | None
    issueCount: int


class TeamsResponse(TypedDict):
    """Teams."""

    teams: list[Team]


class IssueAssignee(TypedDict):
    """Whom an issue is assigned to."""

    name: str | None


class LinearIssue(TypedDict):
    """A Linear issue; `id` is what people call it by."""

    id: str | None
    title: str | None
    status: str | None
    priority: int
    assignee: IssueAssignee | None
    labels: list[str]
    createdAt: str | None


class LinearIssuesResponse(TypedDict):
    """Issues; Linear does not say how many there are in all, so `total` counts these."""

    issues: list[LinearIssue]
    total: int


class IssueRequest(BaseModel):
    """Body of an issue's creation."""

    title: str = Field(min_length=1, max_length=1024, description="Issue title")
    teamId: ShortText = Field(description="Target team ID")  # noqa: N815 - the document's name
    description: str | None = Field(default=None, description="Markdown description")
    priority: int | None = Field(
        default=None, ge=0, le=4, description="Priority (0=none, 1=urgent, 2=high, 3=medium, 4=low)"
    )
    labels: list[Annotated[str, StringConstraints(min_length=1, max_length=128)]] = Field(
        default=[], max_length=50, description="Label names; those that the team does not have yet are created"
    )


class IssueResponse(TypedDict):
    """An issue that was created."""

    id: str | None
    title: str | None
    status: str | None
    url: str | None


class SentryIssue(TypedDict):
    """A Sentry issue."""

    id: str | None
    title: str | None
    culprit: str | None
    level: str | None
    count: int
    userCount: int
    firstSeen: str | None
    lastSeen: str | None
    permalink: str | None


class SentryIssuesResponse(TypedDict):
    """Issues, and how many there are in all if Sentry says so."""

    issues: list[SentryIssue]
    total: int
