"""Clients wait between their questions for the brokers, longer while nobody answers."""

import asyncio
from itertools import pairwise

from aiokafka.client import AIOKafkaClient
from tieline.kafka.pacing import FIRST_WAIT, pace_clients


async def test_a_client_that_nobody_answers_asks_less_and_less_often() -> None:
    pace_clients()
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:9")
    clock = asyncio.get_running_loop().time
    asked = [clock()]

    for _ in range(4):
        assert await client._metadata_update(client.cluster, []) is False  # it knows no broker to ask
        asked.append(clock())

    waits = [after - before for before, after in pairwise(asked[1:])]
    assert [wait >= FIRST_WAIT * 2**number * 0.99 for number, wait in enumerate(waits, start=1)] == [True] * 3
