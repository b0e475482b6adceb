"""A dataset: all records of one integration, in versions."""

from dataclasses import dataclass
from datetime import datetime

from tieline.contracts.base import JsonObject
from tieline.ids import derived_id

from tieline_sync.domain.revisions import Lineage


def dataset_id_of(workspace_id: str, integration_id: str) -> str:
    """Return the id of an integration's dataset: 32 hex digits, the same every time."""
    return derived_id("dataset", workspace_id, integration_id).replace("-", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """The state of all records after a run.

    `resume` is where the next run goes on at the provider; no record that it shows has a place past `places`.
    """

    version: int
    generation: int
    lineage: Lineage
    parent: int | None
    run_id: str
    created_at: datetime
    records: int
    added: int
    updated: int
    removed: int
    places: int
    resume: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Which version is the present one; None before the first. `places` counts the places given to records so far."""

    id: str
    workspace_id: str
    integration_id: str
    current: DatasetVersion | None = None
    latest: int = 0
    generation: int = 0
    places: int = 0

    @property
    def lineage(self) -> Lineage:
        """Return the lineage of the present version."""
        return self.current.lineage if self.current else Lineage()
