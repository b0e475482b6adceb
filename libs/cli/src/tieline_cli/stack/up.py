"""`tieline up`: the order in which a stack comes to life."""

import asyncio
import time
from collections.abc import Callable

from tieline.settings import KafkaSettings, ServiceSettings, load
from tieline.topics import apply_topics

from tieline_cli.embedded import kafka
from tieline_cli.processes.ports import require_free
from tieline_cli.stack import programs
from tieline_cli.stack.bootstrap import DEMO_ORG, ensure_workspace
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.plan import StackPlan
from tieline_cli.stack.secrets import StackSecrets
from tieline_cli.stack.supervisor import Supervisor, Tell


def run(plan: StackPlan, tell: Tell, *, when_ready: Callable[[Endpoints, float], None]) -> None:
    """Run a stack until asked to stop; calls `when_ready` with its endpoints and the seconds it took.

    Raises AlreadyRunningError, PortInUseError, ProgramMissingError, ProgramStoppedError, NotReadyError, and
    StopRequested when asked to stop before it was ready; whatever had been started is stopped then.
    """
    began = time.monotonic()
    supervisor = Supervisor(plan.folder, tell)
    with supervisor.supervising():
        endpoints = bring_up(plan, supervisor)
        when_ready(endpoints, time.monotonic() - began)
        supervisor.announce_ready()
        supervisor.watch()


def bring_up(plan: StackPlan, supervisor: Supervisor) -> Endpoints:
    """Start everything and return where it is. Raises as `run` does."""
    secrets = StackSecrets.of(plan.folder)
    first = [*programs.stores(plan), *programs.simulators(plan)]
    services = programs.services(plan, secrets)
    require_free({name: port for program in [*first, *services] for name, port in program.ports.items()})
    supervisor.tell(f"Starting Tieline in {plan.folder.root}")
    if plan.external_kafka is not None:
        supervisor.tell(f"  kafka           yours, at {plan.external_kafka}")
    if plan.external_mongo is not None:
        supervisor.tell(f"  mongo           yours, at {plan.mongo_shown}")
    supervisor.start(first)
    settings = kafka_settings(plan)
    created = supervisor.run_aside(lambda: _apply_topics(plan, settings))
    supervisor.tell(f"  topics          {f'{len(created)} created' if created else 'all there'}")
    supervisor.start(services)
    workspace_id, api_key = supervisor.run_aside(lambda: ensure_workspace(plan, settings, secrets))
    supervisor.tell(f"  workspace       {DEMO_ORG}")
    endpoints = Endpoints.of(plan, org=DEMO_ORG, workspace_id=workspace_id, api_key=api_key)
    endpoints.save(plan.folder)
    return endpoints


def kafka_settings(plan: StackPlan) -> KafkaSettings:
    """Return how to reach the stack's Kafka: what the environment says, at the stack's address."""
    return load(ServiceSettings).kafka.model_copy(update={"bootstrap_servers": plan.bootstrap_servers})


def _apply_topics(plan: StackPlan, settings: KafkaSettings) -> list[str]:
    longest = kafka.LONGEST_RETENTION if plan.external_kafka is None else None
    return asyncio.run(apply_topics(settings, longest_retention=longest))
