"""Steps that pull incidents out of ServiceNow and watch it live."""

import time
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tieline_cli.demo.journey import Journey
from tieline_cli.errors import StepFailedError

_SERVICENOW = "servicenow"
_BATCH = 5
_FEWEST = 300


def create_servicenow(journey: Journey) -> None:
    """Create a ServiceNow integration through surface D; its password never comes back."""
    body = {
        "service_name": "ServiceNow",
        "auth_type": "basic_auth",
        "config": {"url": journey.simulators[_SERVICENOW], "username": "admin", "password": "sample-password"},
        "is_active": True,
    }
    answer = journey.gateway.call("D", "POST", "/integrations/create", body=body)
    created = answer.body["integration"]
    journey.integration_ids[_SERVICENOW] = created["id"]
    journey.check(created["is_active"], f"created as {created['id']} ({answer.milliseconds:.0f} ms)")
    journey.check(created["config"]["password"] == "********", "its password is masked")  # noqa: S105 - the mask


def sync_incidents(journey: Journey) -> None:
    """Sync for the first time: batches of five, each told as it lands."""
    began = time.perf_counter()
    progress, complete = _sync(journey)
    took = time.perf_counter() - began
    batches = [event for event in progress if event.get("incidents")]
    total = complete["stats"]["total"]
    journey.check(total >= _FEWEST, f"{total} incidents came, at {total / took:.0f} a second")
    journey.check(
        all(len(event["incidents"]) <= _BATCH for event in batches) and len(batches) == -(-total // _BATCH),
        f"in {len(batches)} batches of {_BATCH}",
    )
    journey.check(complete["stats"]["added"] == total, f"all {total} are new")
    journey.check(complete["integration"]["last_sync_status"] == "success", "the integration says: synced")
    version = _newest_version(journey)
    journey.check(
        version.get("version") == 1 and version.get("records") == total, f"{total} records are dataset version 1"
    )
    journey.remember("ServiceNow incidents synced", f"{total} in {len(batches)} batches, version 1", f"{took:.1f} s")


def sync_again(journey: Journey) -> None:
    """Sync a second time: it starts where the first ended and finds nothing new."""
    began = time.perf_counter()
    _, complete = _sync(journey)
    took = time.perf_counter() - began
    journey.check(complete["stats"]["added"] == 0, f"nothing new ({took * 1000:.0f} ms)")
    journey.remember("Second sync", "0 new", f"{took * 1000:.0f} ms")


def _sync(journey: Journey) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Sync once; return the progress events and the closing one."""
    path = f"/integrations/sync/{journey.integration_ids[_SERVICENOW]}"
    progress: list[dict[str, Any]] = []
    with _bar(journey) as bar:
        task = bar.add_task("waiting", total=None)
        for kind, data in journey.gateway.events("D", "POST", path):
            if kind == "error":
                raise StepFailedError(f"the sync failed: {data.get('message')}")
            if kind == "complete":
                bar.update(task, description="complete", refresh=True)
                return progress, data
            progress.append(data)
            bar.update(
                task,
                completed=data.get("batch", 0),
                total=data.get("totalBatches") or None,
                description=str(data.get("message", ""))[:60],
            )
    raise StepFailedError("the stream ended without a complete event")


def _bar(journey: Journey) -> Progress:
    return Progress(
        TextColumn("  "),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=journey.console,
    )


def _newest_version(journey: Journey) -> dict[str, Any]:
    path = journey.path(f"integrations/{journey.integration_ids[_SERVICENOW]}/datasets")
    items = journey.gateway.call("E", "GET", path).body["items"]
    return dict(max(items, key=lambda item: item["version"], default={}))
