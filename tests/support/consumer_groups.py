"""Members of consumer groups that died.

A broker gives up on a dead member when its session times out. The embedded one never does: the group waits for it for
ever. So a test that kills a member says so in its place.
"""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest
from tieline.kafka.connection import connection_arguments
from tieline.settings import KafkaSettings


async def leave_for(kafka: KafkaSettings, groups: tuple[str, ...], *, client_id_ends: str) -> None:
    """Take the members whose client id ends so out of their groups."""
    admin = AIOKafkaAdminClient(**connection_arguments(kafka))
    await admin.start()
    try:
        for group in groups:
            name = kafka.topic_prefix + group
            (described,) = await admin.describe_consumer_groups([name])
            coordinator = await admin.find_coordinator(name)
            for member in described.to_object()["groups"][0]["members"]:
                if member["client_id"].endswith(client_id_ends):
                    await admin._send_request(LeaveGroupRequest(name, member["member_id"]), coordinator)
    finally:
        await admin.close()
