"""A gateway as a process of its own, on a free port, and gone at the end whatever happens."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tieline.settings import KafkaSettings
from tieline_cli.processes.ports import free_port
from tieline_cli.processes.program import LOOPBACK
from tieline_cli.processes.readiness import answers_ready

from tests.support.registry import KEYS
from tests.support.waiting import eventually

READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayProcess:
    """`python -m tieline_gateway`, ready."""

    address: str
    process: asyncio.subprocess.Process

    async def kill(self) -> None:
        """End it by SIGKILL."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def gateway_process(kafka: KafkaSettings, log: Path, *, registry_url: str) -> AsyncIterator[GatewayProcess]:
    """Run a gateway in front of a registry with the test's keys; killed at the end."""
    port = free_port()
    environment = {
        "TIELINE_HTTP__PORT": str(port),
        "TIELINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TIELINE_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "TIELINE_INTERNAL__TOKEN": KEYS.internal_token,
        "TIELINE_INTERNAL__REGISTRY_URL": registry_url,
        "TIELINE_SECRETS__SEALING_PUBLIC_KEY": KEYS.sealing_public_key,
    }
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tieline_gateway", env=os.environ | environment, stdout=output, stderr=output
        )
    running = GatewayProcess(address=f"http://{LOOPBACK}:{port}", process=process)

    async def ready() -> bool:
        assert process.returncode is None, f"the gateway ended, see {log}"
        return await asyncio.to_thread(answers_ready, LOOPBACK, port) is None

    try:
        await eventually(ready, within=READY_SECONDS, every=0.05)
        yield running
    finally:
        await running.kill()
