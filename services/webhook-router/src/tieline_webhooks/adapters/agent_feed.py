"""Events as they are handed to agents, on `webhooks.agent.events.v1`."""

from collections.abc import Sequence

from tieline.contracts.events import AGENT_ID
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord
from tieline.topics import AGENT_EVENTS

from tieline_webhooks.ports import HandedOver

MOST_AT_ONCE = 50  # records of up to 1 MiB, which have one request time-out to be acknowledged


class KafkaAgents:
    """Writes events to the agents' topic as their senders wrote them, keyed by agent."""

    def __init__(self, producer: RecordProducer) -> None:
        self._producer = producer

    async def hand_over(self, events: Sequence[HandedOver]) -> None:
        """Return once all are acknowledged. See `Agents`."""
        for start in range(0, len(events), MOST_AT_ONCE):
            await self._producer.send_all([_record(each) for each in events[start : start + MOST_AT_ONCE]])


def _record(handed: HandedOver) -> OutgoingRecord:
    headers = {**handed.record.headers, AGENT_ID: handed.agent_id}
    return OutgoingRecord(topic=AGENT_EVENTS, key=handed.agent_id, value=handed.record.value, headers=headers)
