"""Members of consumer groups that are gone.

A broker gives up on a dead member when its session times out, and takes a commit while its group is being rearranged.
The embedded broker does neither: a dead member is waited for, and a consumer that commits at that moment comes back as
a second member beside its own ghost, which is waited for as well. So tests say for such members that they have left.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest
from tieline.kafka.connection import connection_arguments
from tieline.settings import KafkaSettings

LOOK_EVERY = 0.3

Members = list[dict[str, Any]]


def is_embedded() -> bool:
    """Tell whether the session's broker is the embedded one."""
    return "TIELINE_KAFKA__BOOTSTRAP_SERVERS" not in os.environ and os.environ.get("TIELINE_TEST_KAFKA") != "apache"


async def leave_for(kafka: KafkaSettings, groups: tuple[str, ...], *, client_id_ends: str) -> None:
    """Take the members whose client id ends so out of their groups."""
    async with _admin(kafka) as admin:
        for group in groups:
            await _take_out(admin, kafka.topic_prefix + group, lambda members: _ending(members, client_id_ends))


@asynccontextmanager
async def without_ghosts(kafka: KafkaSettings, groups: tuple[str, ...]) -> AsyncIterator[None]:
    """Meanwhile, take members out of the groups that came back under a new id; only on the embedded broker."""
    if not is_embedded():
        yield
        return

    async def watch() -> None:
        async with _admin(kafka) as admin:
            while True:
                for group in groups:
                    await _take_out(admin, kafka.topic_prefix + group, _superseded)
                await asyncio.sleep(LOOK_EVERY)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@asynccontextmanager
async def _admin(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection_arguments(kafka))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _take_out(admin: AIOKafkaAdminClient, group: str, which: Callable[[Members], Members]) -> None:
    (described,) = await admin.describe_consumer_groups([group])
    coordinator = await admin.find_coordinator(group)
    for member in which(described.to_object()["groups"][0]["members"]):
        await admin._send_request(LeaveGroupRequest(group, member["member_id"]), coordinator)


def _ending(members: Members, client_id_ends: str) -> Members:
    return [member for member in members if member["client_id"].endswith(client_id_ends)]


def _superseded(members: Members) -> Members:
    """Return all but the latest member of each client; the embedded broker gives out member ids in order."""
    latest = {member["client_id"]: member["member_id"] for member in sorted(members, key=lambda one: one["member_id"])}
    return [member for member in members if member["member_id"] != latest[member["client_id"]]]
