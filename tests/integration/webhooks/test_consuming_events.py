"""The programs on the page about consuming and emitting events do what it says."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tieline.contracts.events import agent_id

from tests.support.registry_stub import WORKSPACE
from tests.support.router_world import RouterWorld
from tests.support.waiting import eventually

PAGE = Path(__file__).parents[3] / "docs" / "consuming-events.md"


def programs() -> dict[str, str]:
    """Return the page's Python programs by their file names."""
    page = PAGE.read_text()
    names, bodies = re.findall(r"^`(\w+\.py)`", page, re.MULTILINE), re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return dict(zip(names, bodies, strict=True))


@asynccontextmanager
async def running(
    folder: Path, name: str, world: RouterWorld, *words: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program of the page beside the world, until left."""
    program = folder / name
    program.write_text(programs()[name])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(program), *words),
        env={
            **os.environ,
            **world.environment,
            "AGENT_ID": agent_id(WORKSPACE, "storefront"),
            "WORKSPACE_ID": WORKSPACE,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_a_service_consumes_what_another_emits(world: RouterWorld, tmp_path: Path) -> None:
    await world.route("route-1", "deploy.*", "slack", "C0DEPLOY")
    await world.new_router().start()

    for version in ("4.1", "4.1", "4.2"):
        async with running(tmp_path, "emitter.py", world, version) as emitter:
            assert await emitter.wait() == 0
    async with running(tmp_path, "consumer.py", world) as consumer:
        assert consumer.stdout is not None
        async with asyncio.timeout(60):
            lines = [(await consumer.stdout.readline()).decode().strip() for _ in range(2)]

    assert lines == [
        f"deploy.finished storefront {version} is live {{'version': '{version}', 'status': 'success'}}"
        for version in ("4.1", "4.2")
    ]
    await eventually(lambda: len(world.slack.messages) == 2)


def test_the_consumer_is_short() -> None:
    code = [line for line in programs()["consumer.py"].splitlines() if line and not line.startswith(("import", "from"))]

    assert len(code) <= 20
