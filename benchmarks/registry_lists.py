"""Lists and searches of the registry in a workspace of a thousand integrations and in one of many."""

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import AsyncMongoClient
from tieline.contracts.commands import Workspace
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id
from tieline.registry_client import Page, RegistryClient
from tieline.secrets.envelope import MasterKeys
from tieline_registry.adapters import collections, documents
from tieline_registry.adapters.vault import Vault
from tieline_registry.domain.state import Counts, StoredIntegration, WorkspaceState
from tieline_registry.settings import RegistrySettings

FEW = 1_000
ROUNDS = 60
INSERTED_AT_ONCE = 1_000
START = datetime(2026, 1, 1, tzinfo=UTC)

QUESTIONS: dict[str, dict[str, Any]] = {
    "first page by name": {},
    "last page, newest first": {"sort": [("created_at", -1)], "offset": -100},
    "enabled ones": {"where": {"enabled": True}},
    "search, a few hits": {"search": "n-00042"},
    "search, all hit": {"search": "integration"},
}


async def time_lists(settings: RegistrySettings, address: str, *, many: int) -> None:
    """Fill two workspaces straight in the database, then ask over HTTP; print the ratio of the medians."""
    internal = settings.internal.model_copy(update={"registry_url": address, "timeout": timedelta(seconds=120)})
    async with (
        AsyncMongoClient[dict[str, Any]](settings.mongo.url.get_secret_value(), tz_aware=True) as client,
        RegistryClient(internal) as registry,
    ):
        medians: dict[int, dict[str, float]] = {}
        for count in (FEW, many):
            workspace_id = await _fill(client[settings.mongo.database], settings, count)
            started = time.perf_counter()
            await registry.list_integrations(workspace_id)
            print(f"first list of {count:6} integrations after the start: {time.perf_counter() - started:.2f} s")
            medians[count] = {
                name: await _median(registry, workspace_id, count, asked) for name, asked in QUESTIONS.items()
            }
    print(f"{'page of 100':28}{FEW:>12}{many:>12}   ratio")
    for name in QUESTIONS:
        few, lots = medians[FEW][name], medians[many][name]
        print(f"{name:28}{few * 1000:9.2f} ms{lots * 1000:9.2f} ms{lots / few:8.2f}")


async def _median(registry: RegistryClient, workspace_id: str, count: int, asked: dict[str, Any]) -> float:
    given = {**asked, "offset": asked.get("offset", 0) % count}
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        page: Page = await registry.list_integrations(workspace_id, **given)
        took.append(time.perf_counter() - started)
    assert page.total > 0
    return statistics.median(took)


async def _fill(database: Any, settings: RegistrySettings, count: int) -> str:
    workspace_id = derived_id("workspace", f"lists-{count}")
    state = WorkspaceState(
        workspace=Workspace(id=workspace_id, slug=f"lists-{count}", name="Lists", created_at=START),
        sequence=count,
        counts=Counts(integrations=count),
    )
    vault = Vault(MasterKeys(settings.secrets.master_keys.get_secret_value()))
    for start in range(0, count, INSERTED_AT_ONCE):
        batch = [_integration(workspace_id, number) for number in range(start, min(start + INSERTED_AT_ONCE, count))]
        await database[collections.INTEGRATIONS].insert_many(batch, ordered=False)
    key = vault.new_key(workspace_id)
    await database[collections.WORKSPACES].insert_one(documents.workspace_document(state, key))
    return workspace_id


def _integration(workspace_id: str, number: int) -> dict[str, Any]:
    at = START + timedelta(seconds=number)
    integration = Integration(
        id=derived_id(workspace_id, str(number)),
        workspace_id=workspace_id,
        workspace_slug="lists",
        name=f"integration-{number:06}",
        display_name=f"Integration {number}",
        provider=("sentry", "slack", "linear")[number % 3],
        enabled=number % 2 == 0,
        config={"organization": "acme", "notes": "n" * 400},
        created_by="bench",
        created_at=at,
        updated_at=at,
    )
    return documents.integration_document(StoredIntegration(integration=integration, sequence=number + 1), {})
