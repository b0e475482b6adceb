"""Several replicas of every service as processes, a balancer in front of each kind: what a cluster runs."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tieline.operator import CreatedWorkspace, create_workspace
from tieline.settings import KafkaSettings
from tieline.topics import apply_topics
from tieline_cli.keys import SystemKeys
from tieline_cli.processes.child import Child, stop
from tieline_cli.processes.ports import free_port
from tieline_cli.processes.program import LOOPBACK, Program
from tieline_cli.processes.readiness import answers_ready, listening

from tests.support.balancer import Balancer, balancing
from tests.support.waiting import eventually

ROLES = {
    "registry": "tieline_registry",
    "sync_worker": "tieline_sync",
    "webhook_router": "tieline_webhooks",
    "gateway": "tieline_gateway",
}
LINGER = timedelta(seconds=1.5)  # several times what the balancer takes to notice
DRAIN = timedelta(seconds=5)
GRACE = timedelta(seconds=40)
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """How one replica was replaced: seconds from SIGTERM to its end, then to readiness; how it ended."""

    name: str
    stopped_after: float
    ready_after: float
    exit_code: int | None


class Cluster:
    """The running replicas. `workspace` is one to work in, with its key."""

    def __init__(self, folder: Path, kafka: KafkaSettings, mongo: dict[str, str], replicas: int) -> None:
        self.folder = folder
        self.workspace: CreatedWorkspace
        self._kafka, self._mongo = kafka, mongo
        self._keys = SystemKeys.generate("test")
        self.ports = {role: [free_port() for _ in range(replicas)] for role in ROLES}
        self.front: dict[str, Balancer] = {}
        self.simulators = {"webhook": free_port(), "servicenow": free_port()}
        self._children: dict[str, Child] = {}

    def address(self, role: str) -> str:
        """Where a kind of service is, whichever replica answers."""
        return self.front[role].address

    def log_of(self, name: str) -> str:
        """Return what a replica wrote, all its lives."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def pids(self) -> dict[str, int]:
        """Return the process ids of the replicas, by their names."""
        return {name: child.identity.pid for name, child in self._children.items() if name.rpartition("-")[0] in ROLES}

    async def begin(self) -> None:
        """Start everything; whatever the services wait for may come later."""
        await self._run(self._simulators())
        for role, ports in self.ports.items():
            for number, port in enumerate(ports):
                self._spawn(self._service(role, number, port))

    async def ready(self) -> None:
        """Wait until everything is ready."""
        for name, child in self._children.items():
            await self._ready(name, child)
        await eventually(lambda: all(front.takes_all for front in self.front.values()), within=10)  # they notice, too

    async def restart(self, role: str, number: int) -> Restarted:
        """Replace one replica as a rolling update does: SIGTERM, its end, a new one, its readiness."""
        name = f"{role}-{number}"
        old = self._children[name]
        began = time.monotonic()
        old.ask_to_stop()
        await eventually(lambda: old.exit_code() is not None, within=GRACE.total_seconds())
        stopped = time.monotonic()
        new = self._spawn(self._service(role, number, self.ports[role][number]))
        await self._ready(name, new)
        return Restarted(
            name=name,
            stopped_after=stopped - began,
            ready_after=time.monotonic() - stopped,
            exit_code=old.exit_code(),
        )

    async def stop(self) -> None:
        """End every process."""
        await asyncio.to_thread(stop, list(self._children.values()))

    def _spawn(self, program: Program) -> Child:
        self._children[program.name] = Child(program, self.folder / f"{program.name}.log")
        return self._children[program.name]

    async def _run(self, program: Program) -> None:
        await self._ready(program.name, self._spawn(program))

    async def _ready(self, name: str, child: Child) -> None:
        async def ready() -> bool:
            assert child.exit_code() is None, f"{name} ended:\n{self.log_of(name)[-3000:]}"
            return await asyncio.to_thread(child.program.ready) is None

        await eventually(ready, within=READY_SECONDS, every=0.05)

    def _simulators(self) -> Program:
        options = [word for name, port in self.simulators.items() for word in (f"--{name}-port", str(port))]
        return Program(
            name="simulators",
            argv=(sys.executable, "-m", "tieline_simulators", "--host", LOOPBACK, *options),
            ports=self.simulators,
            ready=lambda: next(filter(None, (listening(LOOPBACK, port) for port in self.simulators.values())), None),
        )

    def _service(self, role: str, number: int, port: int) -> Program:
        keys = self._keys.as_environment()
        return Program(
            name=f"{role}-{number}",
            argv=(sys.executable, "-m", ROLES[role]),
            ports={role: port},
            ready=lambda: answers_ready(LOOPBACK, port),
            environment={
                "TIELINE_HTTP__PORT": str(port),
                "TIELINE_HTTP__LINGER": str(LINGER.total_seconds()),
                "TIELINE_HTTP__DRAIN": str(DRAIN.total_seconds()),
                "TIELINE_KAFKA__BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
                "TIELINE_KAFKA__TOPIC_PREFIX": self._kafka.topic_prefix,
                "TIELINE_INTERNAL__TOKEN": keys["TIELINE_INTERNAL__TOKEN"],
                "TIELINE_INTERNAL__REGISTRY_URL": self.address("registry"),
                "TIELINE_INTERNAL__SYNC_WORKER_URL": self.address("sync_worker"),
                "TIELINE_INTERNAL__WEBHOOK_ROUTER_URL": self.address("webhook_router"),
                "TIELINE_OUTGOING__DANGEROUS_ALLOW_PRIVATE_ADDRESSES": "true",
                "TIELINE_OUTGOING__ALLOW_HTTP": "true",
                "TIELINE_WEBHOOKS__SPOOL_DIR": str(self.folder / f"spool-{number}"),
                **(self._mongo if role != "gateway" else {}),
                **{name: keys[name] for name in _OWN_KEYS[role]},
            },
            grace=GRACE,
        )


_OWN_KEYS = {
    "registry": (
        "TIELINE_SECRETS__MASTER_KEYS",
        "TIELINE_SECRETS__SEALING_PRIVATE_KEYS",
        "TIELINE_INTERNAL__CREDENTIALS_TOKEN",
    ),
    "sync_worker": ("TIELINE_SECRETS__SEALING_PUBLIC_KEY", "TIELINE_INTERNAL__CREDENTIALS_TOKEN"),
    "webhook_router": ("TIELINE_WEBHOOKS__QUARANTINE_KEY", "TIELINE_INTERNAL__CREDENTIALS_TOKEN"),
    "gateway": ("TIELINE_SECRETS__SEALING_PUBLIC_KEY",),
}


@asynccontextmanager
async def starting_cluster(
    folder: Path, *, kafka: KafkaSettings, mongo_url: str, database: str, replicas: int
) -> AsyncIterator[Cluster]:
    """Run `replicas` of every service until left, whether their servers are there or not."""
    mongo = {"TIELINE_MONGO__URL": mongo_url, "TIELINE_MONGO__DATABASE": database}
    cluster = Cluster(folder, kafka, mongo, replicas)
    async with AsyncExitStack() as stack:
        for role, ports in cluster.ports.items():
            cluster.front[role] = await stack.enter_async_context(balancing(ports))
        stack.push_async_callback(cluster.stop)
        await cluster.begin()
        yield cluster


@asynccontextmanager
async def running_cluster(
    folder: Path, *, kafka: KafkaSettings, mongo_url: str, database: str, replicas: int = 2
) -> AsyncIterator[Cluster]:
    """Run `replicas` of every service, ready, with a workspace, until left."""
    await apply_topics(kafka)
    async with starting_cluster(
        folder, kafka=kafka, mongo_url=mongo_url, database=database, replicas=replicas
    ) as cluster:
        await cluster.ready()
        cluster.workspace = await create_workspace(kafka, slug="org-rolling", name="Rolling")
        yield cluster
