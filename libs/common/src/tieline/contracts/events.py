"""Events: verified webhooks, what services emit, what Tieline did. Topic `tieline.events.v1`.

A record is a CloudEvent in Kafka's binary mode: attributes in `ce_*` headers, the body as it came in the value. The key
is the workspace's id, a colon and the subject, so that everything about one thing is ordered. The workspace is the
extension attribute `workspaceid`; without it nobody can be told of the event. The other extensions say in one
vocabulary what a person wants to know of any event; all of them may be missing.

`agentid` names the consumer an event is meant for, besides channels: the same for all events of one project of one
workspace. It is there when a route took the event. Such an event is also on `webhooks.agent.events.v1`, as it is here
but with the agent's id as its key.
"""

from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

from tieline.kafka.records import JSON, OutgoingRecord, cloudevent_headers
from tieline.topics import EVENTS

WORKSPACE_ID: Final = "ce_workspaceid"
AGENT_ID: Final = "ce_agentid"
INTEGRATION_ID: Final = "ce_integrationid"
ALIASES: Final = "ce_aliases"
"""Other names of the type, separated by commas; routes may match them as well."""
TITLE: Final = "ce_title"
SEVERITY: Final = "ce_severity"
"""`critical`, `error`, `warning`, `info` or `debug`."""
LEVEL: Final = "ce_level"
STATE: Final = "ce_state"
"""`open`, `acknowledged`, `resolved`, `ignored` or `deleted`, if the event says so."""
STATUS: Final = "ce_status"
PROJECT: Final = "ce_project"
PROJECT_ID: Final = "ce_projectid"
LINK: Final = "ce_link"
DETAIL: Final = "ce_detail"
ACTOR: Final = "ce_actor"

LONGEST_SUBJECT_IN_KEY = 512

_AGENTS_REMEMBERED: Final = 65_536


@lru_cache(maxsize=_AGENTS_REMEMBERED)
def agent_id(workspace_id: str, project: str | None) -> str:
    """Return the agent of a project, the same for ever; events without a project share one per workspace."""
    digest = sha256(f"{workspace_id}\0{project or ''}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"agent-incident-{digest[:12]}"


def event_key(workspace_id: str, subject: str) -> str:
    """Return the key that orders events about one thing."""
    return f"{workspace_id}:{subject[:LONGEST_SUBJECT_IN_KEY]}"


def emitted_event(
    *,
    workspace_id: str,
    event_id: str,
    event_type: str,
    source: str,
    time: datetime,
    data: bytes,
    subject: str | None = None,
    title: str | None = None,
    project: str | None = None,
    link: str | None = None,
    correlation_id: str | None = None,
    content_type: str = JSON,
) -> OutgoingRecord:
    """Return the record a service sends to emit an event. The same `event_id` again is the same event.

    `event_type` is dotted, such as `deploy.finished`; `source` a URI reference that names the service.
    """
    headers = cloudevent_headers(
        event_id=event_id,
        event_type=event_type,
        source=source,
        time=time,
        subject=subject or source,
        correlation_id=correlation_id,
        content_type=content_type,
    )
    extensions = {WORKSPACE_ID: workspace_id, TITLE: title, PROJECT: project, LINK: link}
    headers.update({name: value for name, value in extensions.items() if value is not None})
    return OutgoingRecord(topic=EVENTS, key=event_key(workspace_id, subject or source), value=data, headers=headers)
