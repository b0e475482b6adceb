"""What the embedded servers promise the rest of the house."""

from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient
from tieline_cli.embedded import kafka, mongo
from tieline_cli.processes.ports import free_port
from tieline_cli.processes.program import LOOPBACK

from tests.support.servers import running


async def test_broker_keeps_records_and_offsets_over_a_stop_and_a_move_to_another_port(tmp_path: Path) -> None:
    first, second = free_port(), free_port()

    with running(kafka.program(tmp_path / "kafka", first), tmp_path / "first.log"):
        await _create_topic(first)
        await _send(first, count=200)
        assert await _read(first, count=120) == list(range(120))
    with running(kafka.program(tmp_path / "kafka", second), tmp_path / "second.log"):
        rest = await _read(second, count=80)

    assert rest == list(range(120, 200))


def test_database_keeps_documents_over_a_stop_and_a_kill(tmp_path: Path) -> None:
    port = free_port()
    program = mongo.program(tmp_path / "mongo", port)

    with running(program, tmp_path / "first.log"):
        _insert(mongo.url(port), 1)
    with running(program, tmp_path / "second.log") as server:
        _insert(mongo.url(port), 2)
        server.kill()
    with running(program, tmp_path / "third.log"), MongoClient[dict[str, int]](mongo.url(port)) as client:
        numbers = [thing["number"] for thing in client.tests.things.find(sort=[("number", 1)])]

    assert numbers == [1, 2]


def test_database_takes_transactions(mongo_server: str, mongo_database: str) -> None:
    with MongoClient[dict[str, int]](mongo_server) as client, client.start_session() as session:
        things = client[mongo_database].things

        with session.start_transaction():
            things.insert_one({"number": 1}, session=session)
            session.abort_transaction()
        with session.start_transaction():
            things.insert_one({"number": 2}, session=session)

        assert [thing["number"] for thing in things.find()] == [2]


def _insert(url: str, number: int) -> None:
    with MongoClient[dict[str, int]](url) as client:
        client.tests.things.insert_one({"number": number})


async def _create_topic(port: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=f"{LOOPBACK}:{port}")
    await admin.start()
    try:
        await admin.create_topics([NewTopic("numbers", 1, 1)])
    finally:
        await admin.close()


async def _send(port: int, *, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=f"{LOOPBACK}:{port}", enable_idempotence=True) as producer:
        for number in range(count):
            await producer.send("numbers", str(number).encode())


async def _read(port: int, *, count: int) -> list[int]:
    """Read `count` numbers as one group and commit them."""
    numbers: list[int] = []
    consumer = AIOKafkaConsumer(
        "numbers",
        bootstrap_servers=f"{LOOPBACK}:{port}",
        group_id="readers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        while len(numbers) < count:
            batches = await consumer.getmany(timeout_ms=10_000, max_records=count - len(numbers))
            assert batches, f"only {len(numbers)} of {count} came"
            numbers += [int(record.value or b"") for records in batches.values() for record in records]
        await consumer.commit()
    return numbers
