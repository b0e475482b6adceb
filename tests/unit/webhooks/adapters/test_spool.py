"""The spool keeps what it acknowledged, in order, whatever ends the process or damages the disk."""

import asyncio
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tieline.errors import ConfigurationError
from tieline_webhooks.adapters import spool as module
from tieline_webhooks.adapters.spool import Spool, SpoolWriteError
from tieline_webhooks.adapters.spool_file import FRAME, frame, frames, segments
from tieline_webhooks.domain.errors import SpoolFullError

MIB = 1_048_576


async def all_of(spool: Spool) -> list[bytes]:
    """Take everything out, as a drain does."""
    found: list[bytes] = []
    while not spool.empty:
        part = await spool.read(max_records=3, max_bytes=MIB)
        found += [each.payload for each in part]
        await spool.advance(part[-1].number)
    return found


async def test_records_come_out_in_order_and_only_once(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, max_bytes=MIB)
    payloads = [f"record {number}".encode() for number in range(10)]

    numbers = await asyncio.gather(*(spool.append(each) for each in payloads))
    found = await all_of(spool)

    assert numbers == sorted(numbers)
    assert found == payloads
    assert spool.bytes_used == 0
    assert segments(tmp_path) == []
    await spool.close()


async def test_a_new_process_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    first = Spool.open(tmp_path, max_bytes=MIB)
    await asyncio.gather(*(first.append(b"%d" % number) for number in range(5)))
    taken = await first.read(max_records=2, max_bytes=MIB)
    await first.advance(taken[-1].number)
    await first.close()

    second = Spool.open(tmp_path, max_bytes=MIB)
    await second.append(b"5")

    assert await all_of(second) == [b"2", b"3", b"4", b"5"]
    await second.close()


async def test_numbers_rise_over_restarts_although_nothing_was_left(tmp_path: Path) -> None:
    first = Spool.open(tmp_path, max_bytes=MIB)
    await first.append(b"a")
    await all_of(first)
    await first.close()

    second = Spool.open(tmp_path, max_bytes=MIB)
    number = await second.append(b"b")

    assert number == 2
    assert await all_of(second) == [b"b"]
    await second.close()


@pytest.mark.parametrize("cut", [1, FRAME.size - 1, FRAME.size, FRAME.size + 3])
async def test_a_torn_last_record_is_cut_off(tmp_path: Path, cut: int) -> None:
    spool = Spool.open(tmp_path, max_bytes=MIB)
    await asyncio.gather(spool.append(b"first"), spool.append(b"second"))
    await spool.close()
    [segment] = segments(tmp_path)
    with segment.open("ab") as file:
        file.write(frame(3, b"third")[:cut])

    again = Spool.open(tmp_path, max_bytes=MIB)
    await again.append(b"after")

    assert await all_of(again) == [b"first", b"second", b"after"]
    await again.close()


async def test_damage_in_the_middle_costs_only_what_is_damaged(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, max_bytes=MIB)
    await asyncio.gather(*(spool.append(b"record %d" % number) for number in range(4)))
    await spool.close()
    [segment] = segments(tmp_path)
    content = bytearray(segment.read_bytes())
    content[content.index(b"record 1")] ^= 0xFF
    segment.write_bytes(bytes(content))

    again = Spool.open(tmp_path, max_bytes=MIB)

    assert await all_of(again) == [b"record 0", b"record 2", b"record 3"]
    await again.close()


async def test_a_full_spool_refuses_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, max_bytes=10_000)
    await asyncio.gather(*(spool.append(b"x" * 900) for _ in range(10)))

    with pytest.raises(SpoolFullError):
        await spool.append(b"x" * 900)
    await all_of(spool)
    await spool.append(b"there is room again")

    assert await all_of(spool) == [b"there is room again"]
    await spool.close()


async def test_segments_are_deleted_as_they_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 2_000)
    spool = Spool.open(tmp_path, max_bytes=MIB)
    for number in range(10):
        await spool.append(b"%d" % number * 900)
    several = len(segments(tmp_path))

    part = await spool.read(max_records=5, max_bytes=MIB)
    await spool.advance(part[-1].number)

    assert several > len(segments(tmp_path)) > 0
    assert len(await all_of(spool)) == 5
    await spool.close()


async def test_a_disk_that_takes_nothing_is_told_to_whoever_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(tmp_path, max_bytes=MIB)
    await spool.append(b"before")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(SpoolWriteError):
            await spool.append(b"lost")
    await spool.append(b"after")

    assert await all_of(spool) == [b"before", b"after"]
    await spool.close()


async def test_one_process_owns_a_spool(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, max_bytes=MIB)

    with pytest.raises(ConfigurationError, match="another process"):
        Spool.open(tmp_path, max_bytes=MIB)

    await spool.close()
    await Spool.open(tmp_path, max_bytes=MIB).close()


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from tieline_webhooks.adapters.spool import Spool

        async def main():
            spool = Spool.open(Path(sys.argv[1]), max_bytes=1 << 28)
            number = 0
            while True:
                await asyncio.gather(*(spool.append(b"%d" % (number + each)) for each in range(20)))
                number += 20
                print(number, flush=True)

        asyncio.run(main())
    """)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    acknowledged = [int(await process.stdout.readline()) for _ in range(20)][-1]
    process.kill()
    acknowledged = max([acknowledged, *map(int, (await process.stdout.read()).split())])
    await process.wait()

    spool = Spool.open(tmp_path, max_bytes=1 << 28)
    found = [int(payload) for payload in await all_of(spool)]

    assert found == list(range(len(found)))
    assert len(found) >= acknowledged
    await spool.close()


@settings(max_examples=50, deadline=None)
@given(payloads=st.lists(st.binary(max_size=40), max_size=8), damage=st.data())
def test_reading_never_returns_what_was_not_written(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], damage: st.DataObject
) -> None:
    content = b"".join(frame(number, payload) for number, payload in enumerate(payloads))
    if content:
        at = damage.draw(st.integers(0, len(content) - 1))
        content = content[:at] + bytes([content[at] ^ damage.draw(st.integers(1, 255))]) + content[at + 1 :]
    path = tmp_path_factory.mktemp("frames") / "segment"
    path.write_bytes(content)

    with path.open("rb") as source:
        found = [(each.number, each.payload) for each in frames(source)]

    assert found == list(enumerate(payloads))[: len(found)]
