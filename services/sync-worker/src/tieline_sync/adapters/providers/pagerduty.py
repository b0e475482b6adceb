"""PagerDuty: who is on call, incidents, acknowledging."""

import logging
from collections.abc import Mapping
from typing import Any

from tieline.contracts.base import JsonObject
from tieline.provider_client import AcknowledgeIncident, ListIncidents, WhoIsOnCall

from tieline_sync.adapters.providers.session import Session, Sessions, Vendor
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers import pagerduty
from tieline_sync.domain.providers.errors import NotConfiguredError, UpstreamError
from tieline_sync.domain.providers.paths import segment
from tieline_sync.domain.providers.reading import at, number, objects, text
from tieline_sync.handlers.provider_ports import ProviderReply

log = logging.getLogger(__name__)


def _authorization(token: str, is_oauth: bool) -> str:
    return f"Bearer {token}" if is_oauth else f"Token token={token}"


VENDOR = Vendor(
    name="PagerDuty",
    address="https://api.pagerduty.com",
    headers={"accept": "application/vnd.pagerduty+json;version=2", "content-type": "application/json"},
    authorization=_authorization,
    said=pagerduty.said,
)


class PagerDuty:
    """One workspace's PagerDuty account per call."""

    vendor = VENDOR

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def perform(self, facts: Facts, operation: Any) -> ProviderReply:
        """Make the calls of one operation. Raises ProviderCallError."""
        session = self._sessions.open(VENDOR, facts)
        match operation:
            case WhoIsOnCall():
                return await _oncall(session, facts)
            case ListIncidents():
                return await _incidents(session, operation)
            case AcknowledgeIncident():
                return await _acknowledge(session, facts, operation)
        raise AssertionError(f"not an operation of PagerDuty: {operation!r}")


async def _oncall(session: Session, facts: Facts) -> ProviderReply:
    service_id = facts.find("config.service_id", "scope.service_id")
    if service_id is None:
        raise NotConfiguredError("serviceId is missing")
    service, _ = await session.get(f"/services/{segment(service_id)}")
    policy = text(service, "service", "escalation_policy", "id")
    if policy is None:
        return ProviderReply(document={"oncall": None})
    found: list[Mapping[str, Any]] = []
    while True:
        page, _ = await session.get("/oncalls", pagerduty.oncall_query(policy, offset=len(found)))
        oncalls = objects(page, "oncalls")
        found += oncalls
        if at(page, "more") is not True or not oncalls or len(found) >= pagerduty.MOST_ONCALLS:
            return ProviderReply(document=pagerduty.oncall_of(found))


async def _incidents(session: Session, asked: ListIncidents) -> ProviderReply:
    offset = int(asked.cursor) if asked.cursor and asked.cursor.isdecimal() else 0
    found: list[JsonObject] = []
    while True:
        size = min(asked.limit - len(found), pagerduty.LARGEST_PAGE)
        page, _ = await session.get("/incidents", pagerduty.incidents_query(asked.statuses, limit=size, offset=offset))
        incidents = objects(page, "incidents")
        found += map(pagerduty.incident_of, incidents)
        offset += len(incidents)
        goes_on = at(page, "more") is True and incidents and offset + size <= pagerduty.FARTHEST
        if not goes_on or len(found) >= asked.limit:
            total = max(number(page, "total"), len(found))
            return ProviderReply(
                document={"incidents": found, "total": total}, next_cursor=str(offset) if goes_on else None
            )


async def _acknowledge(session: Session, facts: Facts, asked: AcknowledgeIncident) -> ProviderReply:
    path = f"/incidents/{segment(asked.incident_id)}"
    before, _ = await session.get(path)
    incident = at(before, "incident")
    if text(incident, "status") == "resolved":
        raise UpstreamError("The incident is resolved; acknowledging it would open it again", is_outage=False)
    sender = await _sender(session, facts, asked.acknowledged_by)
    was_acknowledged = text(incident, "status") == "acknowledged"
    if not was_acknowledged:
        changed, _ = await session.call("PUT", path, json=pagerduty.acknowledgement(), headers=sender)
        incident = at(changed, "incident")
    try:
        await _note(session, f"{path}/notes", asked.acknowledged_by, sender, may_be_there=was_acknowledged)
    except UpstreamError as error:
        # It is acknowledged, which is what was asked for.
        log.warning("who acknowledged could not be noted", extra={"reason": error.details})
    return ProviderReply(document=pagerduty.acknowledged_of(incident))


async def _note(
    session: Session, path: str, acknowledged_by: str, sender: Mapping[str, str], *, may_be_there: bool
) -> None:
    """Note at the incident who acknowledged it, unless the same is noted already."""
    note = pagerduty.note_by(acknowledged_by)
    if may_be_there:
        notes, _ = await session.get(path)
        if any(each.get("content") == note["note"]["content"] for each in objects(notes, "notes")):
            return
    await session.call("POST", path, json=note, headers=sender)


async def _sender(session: Session, facts: Facts, acknowledged_by: str) -> dict[str, str]:
    """Return the `From` header: the address that is configured, else the key's user, else who acknowledges.

    A key of the account has no user, and PagerDuty refuses its writes without the address of one.
    """
    configured = facts.find("config.from_email", "config.from", "config.email")
    if configured is not None:
        return {"from": configured}
    try:
        me, _ = await session.get("/users/me")
    except UpstreamError as error:
        if error.is_outage or error.retry_after is not None:
            raise
        return {"from": acknowledged_by} if "@" in acknowledged_by else {}
    email = text(me, "user", "email")
    return {"from": email} if email else {}
