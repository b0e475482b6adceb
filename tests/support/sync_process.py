"""A sync worker as a process of its own, on a free port, and gone at the end whatever happens."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tieline.topics import RUN_SYNCS_GROUP
from tieline_cli.processes.ports import free_port
from tieline_sync.settings import SyncSettings

from tests.support.consumer_groups import leave_for

ROOT = Path(__file__).resolve().parents[2]
ENDS_WITHIN = 60


@asynccontextmanager
async def sync_process(
    settings: SyncSettings, log: Path, *, module: Sequence[str] = ("tieline_sync",)
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m module…` with these settings; it is killed at the end, if it has not ended by then."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *module,
            cwd=ROOT,
            env=os.environ | environment_of(settings),
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        # The embedded broker waits for dead members of a group for ever.
        await leave_for(settings.kafka, (RUN_SYNCS_GROUP,), client_id_ends="")


async def ended(process: asyncio.subprocess.Process, log: Path) -> int:
    """Return the exit code of a process that ends by itself."""
    try:
        async with asyncio.timeout(ENDS_WITHIN):
            return await process.wait()
    except TimeoutError:
        raise AssertionError(f"the worker still runs after {ENDS_WITHIN} s; see {log}") from None


def environment_of(settings: SyncSettings) -> dict[str, str]:
    """Return settings as a process is given them, on a free port."""
    found: dict[str, str] = {}
    for block, values in settings.model_dump(mode="json").items():
        for name, value in values.items():
            if value is not None:
                found[f"TIELINE_{block}__{name}".upper()] = str(value)
    return found | {
        "TIELINE_MONGO__URL": settings.mongo.url.get_secret_value(),
        "TIELINE_INTERNAL__TOKEN": settings.internal.token.get_secret_value(),
        "TIELINE_HTTP__PORT": str(free_port()),
    }
