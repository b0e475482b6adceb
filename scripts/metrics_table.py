"""The catalogue of metrics: every one that the code declares, found by importing it."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

PACKAGES = {
    "tieline": "all",
    "tieline_gateway": "gateway",
    "tieline_registry": "registry",
    "tieline_sync": "sync-worker",
    "tieline_webhooks": "webhook-router",
}
UNITS = ("seconds", "bytes", "records", "entries", "destinations", "workspaces")

HEAD = """# Metrics

Generated from the code by `make docs-api`. Every service answers `GET /metrics` in Prometheus' form on its own port;
`deploy/k8s` lets Prometheus in and nobody else. Units are in the names; what has none counts things. Labels take few
values, all of them known beforehand: never a workspace, a path or anything that a caller sends.
Gauges of the whole installation are told by every replica alike: take their `max`, not their `sum`.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as it is declared."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    told_by: str

    @property
    def unit(self) -> str:
        """What its values are measured in; empty for things that are counted."""
        words = self.name.removesuffix("_total").split("_")
        return next((unit for unit in UNITS if unit in words[-2:]), "")


def metrics() -> list[Metric]:
    """Return every metric of the libraries and services, by name."""
    found: dict[str, Metric] = {}
    for package, told_by in PACKAGES.items():
        for module in _modules(package):
            for value in vars(module).values():
                if isinstance(value, MetricWrapperBase):
                    described = next(iter(value.describe()))
                    name = described.name + ("_total" if described.type == "counter" else "")
                    found.setdefault(
                        name,
                        Metric(
                            name=name,
                            kind=described.type,
                            labels=tuple(value._labelnames),  # noqa: SLF001 - no public way to a metric's labels
                            meaning=described.documentation,
                            told_by=_told_by(module, told_by),
                        ),
                    )
    return [found[name] for name in sorted(found)]


def table() -> str:
    """Return one table row per metric."""
    lines = ["| metric | kind | labels | unit | told by | meaning |", "|---|---|---|---|---|---|"]
    lines += [
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels) or '–'} | "
        f"{each.unit or '–'} | {each.told_by} | {each.meaning} |"
        for each in metrics()
    ]
    return "\n".join(lines) + "\n"


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for each in pkgutil.walk_packages(root.__path__, prefix=f"{package}."):
        if not each.name.endswith("__main__"):
            yield importlib.import_module(each.name)


def _told_by(module: ModuleType, of_package: str) -> str:
    """Return who tells it; what the library declares for some services only is told by those."""
    return {
        "tieline.kafka.requests": "gateway",
        "tieline.kafka.group_metrics": "registry, sync-worker, webhook-router",
        "tieline.kafka.batches": "registry, sync-worker, webhook-router",
        "tieline.observability.refreshes": "sync-worker, webhook-router",
    }.get(module.__name__, of_package)
