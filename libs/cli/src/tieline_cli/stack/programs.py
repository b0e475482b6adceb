"""The programs of a stack: stores, simulated providers, services, with the environment that each is given."""

import sys
from datetime import timedelta
from importlib.util import find_spec

from tieline_cli.embedded import kafka, mongo
from tieline_cli.errors import ProgramMissingError
from tieline_cli.processes.program import LOOPBACK, Program
from tieline_cli.processes.readiness import answers_ready, listening
from tieline_cli.stack.plan import StackPlan
from tieline_cli.stack.secrets import StackSecrets

_MODULES = {
    "gateway": "tieline_gateway",
    "webhook_router": "tieline_webhooks",
    "registry": "tieline_registry",
    "sync_worker": "tieline_sync",
}
_SIMULATORS = "tieline_simulators"
_DRAIN = timedelta(seconds=5)
"""How long requests in hand may take when a local stack stops; shorter than a cluster's, because a person waits."""


def stores(plan: StackPlan) -> list[Program]:
    """Return the embedded servers that `plan` needs. Raises ProgramMissingError."""
    programs = []
    if plan.external_kafka is None:
        programs.append(kafka.program(plan.folder.kafka, plan.ports.kafka))
    if plan.external_mongo is None:
        programs.append(mongo.program(plan.folder.mongo, plan.ports.mongo))
    return programs


def simulators(plan: StackPlan) -> list[Program]:
    """Return the process of the simulated providers, when wanted. Raises ProgramMissingError."""
    if not plan.simulators:
        return []
    _require(_SIMULATORS, "the simulated providers", remedy="Run `make setup`, or leave them out by --no-simulators.")
    ports = plan.ports.simulators
    options = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    return [
        Program(
            name="simulators",
            argv=(sys.executable, "-m", _SIMULATORS, "--host", LOOPBACK, *options),
            ports=ports,
            ready=lambda: next(filter(None, (listening(LOOPBACK, port) for port in ports.values())), None),
        )
    ]


def services(plan: StackPlan, secrets: StackSecrets) -> list[Program]:
    """Return the four services. Raises ProgramMissingError."""
    return [_service(name, port, plan, secrets) for name, port in plan.ports.services.items()]


def _service(name: str, port: int, plan: StackPlan, secrets: StackSecrets) -> Program:
    module = _MODULES[name]
    _require(module, f"the service {name}", remedy="Run `make setup`.")
    return Program(
        name=name,
        argv=(sys.executable, "-m", module),
        ports={name: port},
        ready=lambda: answers_ready(LOOPBACK, port),
        environment={
            "TIELINE_HTTP__HOST": LOOPBACK,
            "TIELINE_HTTP__PORT": str(port),
            "TIELINE_HTTP__DRAIN": str(_DRAIN.total_seconds()),
            **_shared_environment(plan, secrets),
            **_own_environment(name, plan, secrets),
        },
        grace=_DRAIN + timedelta(seconds=10),
    )


def _shared_environment(plan: StackPlan, secrets: StackSecrets) -> dict[str, str]:
    return {
        "PYTHONUNBUFFERED": "1",
        "TIELINE_KAFKA__BOOTSTRAP_SERVERS": plan.bootstrap_servers,
        "TIELINE_MONGO__URL": plan.mongo_url,
        "TIELINE_INTERNAL__TOKEN": secrets.system.internal_token,
        "TIELINE_INTERNAL__REGISTRY_URL": plan.services["registry"],
        "TIELINE_INTERNAL__WEBHOOK_ROUTER_URL": plan.services["webhook_router"],
        "TIELINE_INTERNAL__SYNC_WORKER_URL": plan.services["sync_worker"],
        # The simulated providers are on loopback, and without TLS.
        "TIELINE_OUTGOING__DANGEROUS_ALLOW_PRIVATE_ADDRESSES": "true",
        "TIELINE_OUTGOING__ALLOW_HTTP": "true",
    }


def _own_environment(name: str, plan: StackPlan, secrets: StackSecrets) -> dict[str, str]:
    """Return what only this service may know or needs."""
    keys = secrets.system
    opens = {"TIELINE_INTERNAL__CREDENTIALS_TOKEN": keys.credentials_token}
    own = {
        "gateway": {"TIELINE_SECRETS__SEALING_PUBLIC_KEY": keys.sealing_public_key},
        "sync_worker": {**opens, "TIELINE_SECRETS__SEALING_PUBLIC_KEY": keys.sealing_public_key},
        "registry": {
            **opens,
            "TIELINE_SECRETS__MASTER_KEYS": keys.master_keys,
            "TIELINE_SECRETS__SEALING_PRIVATE_KEYS": keys.sealing_private_keys,
        },
        "webhook_router": {**opens, "TIELINE_WEBHOOKS__SPOOL_DIR": str(plan.folder.spool.absolute())},
    }
    return own.get(name, {})


def _require(module: str, what: str, *, remedy: str) -> None:
    if find_spec(module) is None:
        raise ProgramMissingError(what, looked_for=f"the Python package {module}", remedy=remedy)
