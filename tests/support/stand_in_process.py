"""A stand-in as a process of its own, for tables too large, or answers too many, for a test's own process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson

START_SECONDS = 60.0


@asynccontextmanager
async def servicenow_process(*options: str) -> AsyncIterator[str]:
    """Run a ServiceNow instance with options of `python -m tieline_simulators`; the value is its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tieline_simulators", "--servicenow-port", "0", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        yield orjson.loads(line)["servicenow"]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
