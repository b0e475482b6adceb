"""Lists and searches of the registry in a workspace of a thousand integrations and in one of many.

Channel routes and audit entries are there, too: as many, but at most `MOST_OTHERS`, which take as long to put there.
Afterwards the database explains the queries behind the pages.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pymongo import AsyncMongoClient
from tieline.contracts.audit import AuditEntry
from tieline.contracts.commands import Workspace
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.ids import derived_id
from tieline.registry_client import AuditPage, Page, RegistryClient, RoutePage
from tieline.secrets.envelope import MasterKeys
from tieline_registry.adapters import collections, documents
from tieline_registry.adapters.vault import Vault
from tieline_registry.domain.state import Counts, StoredIntegration, StoredRoute, WorkspaceState
from tieline_registry.settings import RegistrySettings

FEW = 1_000
ROUNDS = 60
INSERTED_AT_ONCE = 1_000
MOST_OTHERS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)

QUESTIONS: dict[str, dict[str, Any]] = {
    "first page by name": {},
    "last page, newest first": {"sort": [("created_at", -1)], "offset": -100},
    "enabled ones": {"where": {"enabled": True}},
    "search, a few hits": {"search": "n-00042"},
    "search, all hit": {"search": "integration"},
}
ROUTES = "channel routes, first page"
AUDIT = "audit log, newest page"


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
                name: await _median(partial(registry.list_integrations, workspace_id, **_given(asked, count)))
                for name, asked in QUESTIONS.items()
            }
            medians[count][ROUTES] = await _median(partial(registry.list_routes, workspace_id))
            medians[count][AUDIT] = await _median(partial(registry.list_audit, workspace_id, limit=100))
        print(f"{'page of 100':28}{FEW:>12}{many:>12}   ratio")
        for name, few in medians[FEW].items():
            lots = medians[many][name]
            print(f"{name:28}{few * 1000:9.2f} ms{lots * 1000:9.2f} ms{lots / few:8.2f}")
        await _explain(client[settings.mongo.database], workspace_id, many)


async def _explain(database: Any, workspace_id: str, count: int) -> None:
    """Print how the database goes about the queries of a page in the large workspace."""
    of_workspace = {"workspace_id": workspace_id}
    ids = [derived_id(workspace_id, str(number)) for number in range(100)]
    cursors = {
        "what changed since": database[collections.INTEGRATIONS].find({**of_workspace, "sequence": {"$gt": count - 3}}),
        "integrations of a page": database[collections.INTEGRATIONS].find({"_id": {"$in": ids}}),
        ROUTES: database[collections.ROUTES]
        .find({**of_workspace, "position": {"$gte": 1, "$lte": 404}})
        .sort([("position", 1)])
        .limit(100),
        AUDIT: database[collections.AUDIT]
        .find({**of_workspace, "number": {"$gte": count - 403, "$lt": count + 1}})
        .sort([("number", -1)])
        .limit(101),
    }
    for name, cursor in cursors.items():
        plan = await cursor.explain()
        stages, stage = [], plan["queryPlanner"]["winningPlan"]
        while stage:
            stages.append(" ".join(filter(None, (stage["stage"], stage.get("indexName", "")))))
            stage = stage.get("inputStage")
        examined = plan["executionStats"]["totalDocsExamined"]
        print(f"{name:28}{' < '.join(stages)}, {examined} documents examined")


def _given(asked: dict[str, Any], count: int) -> dict[str, Any]:
    return {**asked, "offset": asked.get("offset", 0) % count}


async def _median(ask: Callable[[], Awaitable[Page | RoutePage | AuditPage]]) -> float:
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        page = await ask()
        took.append(time.perf_counter() - started)
    assert page.items
    return statistics.median(took)


async def _fill(database: Any, settings: RegistrySettings, count: int) -> str:
    workspace_id, others = derived_id("workspace", f"lists-{count}"), min(count, MOST_OTHERS)
    state = WorkspaceState(
        workspace=Workspace(id=workspace_id, slug=f"lists-{count}", name="Lists", created_at=START),
        sequence=count,
        counts=Counts(integrations=count, routes=others, routes_ever=others),
    )
    vault = Vault(MasterKeys(settings.secrets.master_keys.get_secret_value()))
    for start in range(0, count, INSERTED_AT_ONCE):
        batch = [_integration(workspace_id, number) for number in range(start, min(start + INSERTED_AT_ONCE, count))]
        await database[collections.INTEGRATIONS].insert_many(batch, ordered=False)
    for start in range(0, others, INSERTED_AT_ONCE):
        numbers = range(start, min(start + INSERTED_AT_ONCE, others))
        of_changes = [count - others + one for one in numbers]  # the latest ones
        await database[collections.ROUTES].insert_many([_route(workspace_id, one) for one in numbers], ordered=False)
        await database[collections.AUDIT].insert_many([_entry(workspace_id, one) for one in of_changes], ordered=False)
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


def _route(workspace_id: str, number: int) -> dict[str, Any]:
    at = START + timedelta(seconds=number)
    route = ChannelRoute(
        id=derived_id(workspace_id, "route", str(number)),
        workspace_id=workspace_id,
        workspace_slug="lists",
        event_type="sentry.*",
        channel="slack",
        channel_id=f"C{number}",
        created_at=at,
        updated_at=at,
    )
    return documents.route_document(StoredRoute(route=route, position=number + 1, sequence=number + 1))


def _entry(workspace_id: str, number: int) -> dict[str, Any]:
    entry = AuditEntry(
        id=derived_id(workspace_id, "audit", str(number)),
        workspace_id=workspace_id,
        number=number + 1,
        at=START + timedelta(seconds=number),
        by="bench",
        action="integration.save",
        changes=[],
    )
    return documents.audit_document(entry)
