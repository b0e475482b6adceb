"""What one stack is to be: its folder, its ports, whose Kafka and MongoDB it uses."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tieline_cli.embedded import mongo
from tieline_cli.processes.program import LOOPBACK
from tieline_cli.stack.layout import DataDir, PortPlan

KAFKA_VARIABLE = "TIELINE_KAFKA__BOOTSTRAP_SERVERS"
MONGO_VARIABLE = "TIELINE_MONGO__URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """A stack to be started. An external server, given by its environment variable, replaces the embedded one."""

    folder: DataDir
    ports: PortPlan
    simulators: bool = True
    external_kafka: str | None = None
    external_mongo: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(
        cls, *, folder: DataDir, port_base: int, simulators: bool, environment: Mapping[str, str] = os.environ
    ) -> "StackPlan":
        """Return the plan with the external servers that `environment` names."""
        return cls(
            folder=folder,
            ports=PortPlan(base=port_base),
            simulators=simulators,
            external_kafka=environment.get(KAFKA_VARIABLE) or None,
            external_mongo=environment.get(MONGO_VARIABLE) or None,
        )

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address."""
        return self.external_kafka or f"{LOOPBACK}:{self.ports.kafka}"

    @property
    def mongo_url(self) -> str:
        """MongoDB's connection string; an external one may carry a password."""
        return self.external_mongo or mongo.url(self.ports.mongo)

    @property
    def mongo_shown(self) -> str:
        """MongoDB's address without credentials."""
        return urlsplit(self.mongo_url).netloc.rpartition("@")[2]

    @property
    def services(self) -> dict[str, str]:
        """Addresses of the services."""
        return {name: f"http://{LOOPBACK}:{port}" for name, port in self.ports.services.items()}

    @property
    def simulator_addresses(self) -> dict[str, str]:
        """Addresses of the simulated providers; empty when they are left out."""
        if not self.simulators:
            return {}
        return {name: f"http://{LOOPBACK}:{port}" for name, port in self.ports.simulators.items()}
