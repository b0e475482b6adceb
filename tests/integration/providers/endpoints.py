"""Integrations with endpoints for tests, and running them as surface E's callers do."""

from collections.abc import Mapping
from typing import Any

import httpx2

from tests.support.gateway_stack import Caller


def an_endpoint(**changes: Any) -> dict[str, Any]:
    """Return an endpoint that reads a thing."""
    return {"name": "read", "description": "Read a thing", "method": "GET", "path": "/things", **changes}


def create(asker: Caller, base_url: str, *endpoints: Mapping[str, Any], **changes: Any) -> str:
    """Create an integration; return its id."""
    body = {
        "name": f"shop-{len(endpoints)}",
        "display_name": "Shop",
        "base_url": base_url,
        "endpoints": list(endpoints),
        **changes,
    }
    answer = asker.http.post(asker.v1("integrations"), json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def change(asker: Caller, integration_id: str, **changes: Any) -> None:
    """Change an integration."""
    answer = asker.http.patch(asker.v1(f"integrations/{integration_id}"), json=changes)
    assert answer.status_code == 200, answer.text


def run(asker: Caller, integration_id: str, name: str = "read", **params: Any) -> dict[str, Any]:
    """Run an endpoint; return what the test shows."""
    answer = test_endpoint(asker, integration_id, name, params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_endpoint(
    asker: Caller, integration_id: str, name: str, params: Mapping[str, Any], **headers: str
) -> httpx2.Response:
    """Ask for a run."""
    path = asker.v1(f"integrations/{integration_id}/endpoints/{name}/test")
    return asker.http.post(path, json={"params": dict(params)}, headers=headers)


test_endpoint.__test__ = False  # type: ignore[attr-defined]  # pytest's mark for what only looks like a test
