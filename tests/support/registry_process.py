"""A registry as a process of its own, on free ports, and gone at the end whatever happens."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from tieline.topics import APPLY_COMMANDS_GROUP, RECORD_SYNCS_GROUP
from tieline_cli.processes.ports import free_port
from tieline_registry.settings import RegistrySettings

from tests.support.consumer_groups import leave_for
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class RegistryProcess:
    """`python -m tieline_registry`, or a module of the tests that runs it with changed parts."""

    settings: RegistrySettings
    environment: Mapping[str, str]
    log: Path
    module: str = "tieline_registry"
    address: str = ""
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self, *, wait_for: str = "/readyz", port: int | None = None) -> None:
        """Start it, on the port it had or on a free one, and wait until `wait_for` is answered 200."""
        port = port or free_port()
        self.address = f"http://127.0.0.1:{port}"
        environment = {**os.environ, **self.environment, "TIELINE_HTTP__PORT": str(port)}
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        await eventually(lambda: self.answers(wait_for), within=40)

    async def answers(self, path: str) -> bool:
        """Tell whether a GET is answered 200."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()[-4000:]
        try:
            async with httpx2.AsyncClient(trust_env=False) as http:
                return (await http.get(self.address + path, timeout=10)).status_code == 200
        except httpx2.HTTPError:
            return False

    async def missing(self) -> dict[str, str]:
        """What `/readyz` says is missing."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            found: dict[str, str] = (await http.get(f"{self.address}/readyz", timeout=20)).json().get("missing", {})
            return found

    async def ended(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        process, self.process = self.process, None
        assert process is not None
        async with asyncio.timeout(40):
            code = await process.wait()
        await self._leave_groups(process)
        return code

    async def end(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, and wait."""
        process, self.process = self.process, None
        if process is not None and process.returncode is None:
            process.send_signal(by)
            async with asyncio.timeout(40):
                await process.wait()
            if by == signal.SIGKILL:
                await self._leave_groups(process)

    async def _leave_groups(self, process: asyncio.subprocess.Process) -> None:
        groups = (APPLY_COMMANDS_GROUP, RECORD_SYNCS_GROUP)
        await leave_for(self.settings.kafka, groups, client_id_ends=f"-{process.pid}")


@asynccontextmanager
async def registry_process(
    settings: RegistrySettings, log: Path, *, module: str = "tieline_registry", **environment: str
) -> AsyncIterator[RegistryProcess]:
    """A process with these settings; start it yourself, it is ended at the end."""
    process = RegistryProcess(
        settings=settings, environment={**environment_of(settings), **environment}, log=log, module=module
    )
    try:
        yield process
    finally:
        await process.end(signal.SIGKILL)


def environment_of(settings: RegistrySettings) -> dict[str, str]:
    """The settings as a process is given them."""
    return {
        "TIELINE_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "TIELINE_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "TIELINE_MONGO__URL": settings.mongo.url.get_secret_value(),
        "TIELINE_MONGO__DATABASE": settings.mongo.database,
        "TIELINE_INTERNAL__TOKEN": settings.internal.token.get_secret_value(),
        "TIELINE_SECRETS__MASTER_KEYS": settings.secrets.master_keys.get_secret_value(),
        "TIELINE_SECRETS__SEALING_PRIVATE_KEYS": settings.secrets.sealing_private_keys.get_secret_value(),
        "TIELINE_REGISTRY__MAX_BATCH": str(settings.registry.max_batch),
    }
