"""The gateway's own OpenAPI document, beside the published one of surface E."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tieline_gateway.bootstrap import build_api

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "specs" / "surface-e-workspace.openapi.json"
OURS: dict[str, Any] = build_api().openapi()
WORDS = {"description", "summary", "tags"}


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    if not PUBLISHED.exists():
        pytest.skip("the published document of surface E is not beside the project")
    document: dict[str, Any] = json.loads(PUBLISHED.read_text())
    return document


def differences(theirs: Any, ours: Any, at: str) -> Iterator[str]:
    """Yield where `ours` lacks or changes something of `theirs`, words apart; what is added is no difference."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in theirs.keys() - WORDS:
            if name not in ours:
                yield f"{at}/{name} is missing"
            else:
                yield from differences(theirs[name], ours[name], f"{at}/{name}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if sorted(map(json.dumps, theirs)) != sorted(map(json.dumps, ours)):
            yield f"{at}: {theirs} became {ours}"
    elif theirs != ours:
        yield f"{at}: {theirs!r} became {ours!r}"


def by_name(operation: dict[str, Any]) -> dict[str, Any]:
    """Return an operation with its parameters by place and name."""
    parameters = {f"{one['in']} {one['name']}": one for one in operation.get("parameters", ())}
    return {**operation, "parameters": parameters}


def test_schemas_of_surface_e_are_the_published_ones(published: dict[str, Any]) -> None:
    theirs = published["components"]["schemas"]
    ours = OURS["components"]["schemas"]

    assert list(differences(theirs, ours, "")) == []
    for name, schema in theirs.items():
        assert set(ours[name].get("properties", ())) == set(schema.get("properties", ())), name
        assert set(ours[name].get("required", ())) == set(schema.get("required", ())), name


def test_operations_of_surface_e_are_the_published_ones(published: dict[str, Any]) -> None:
    for path, operations in published["paths"].items():
        for method, operation in operations.items():
            ours = by_name(OURS["paths"][path][method])

            assert list(differences(by_name(operation), ours, f"{method} {path}")) == []
            added = [p for n, p in ours["parameters"].items() if n not in by_name(operation)["parameters"]]
            assert not any(parameter["required"] for parameter in added)


def test_every_operation_has_its_own_id() -> None:
    ids = [operation["operationId"] for path in OURS["paths"].values() for operation in path.values()]

    assert len(ids) == len(set(ids))


def test_every_operation_tells_its_errors_with_a_body() -> None:
    for path, operations in OURS["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "429", "500"} <= set(operation["responses"]), f"{method} {path}"
            assert operation["description"], f"{method} {path}"


BY_NATURE = {
    "acknowledgeIncident",  # an acknowledged incident stays as it is
    "cancelSync",  # a cancelled run stays cancelled
    "roll-back-dataset",  # the version it names is the present one afterwards, however often it is asked
    "save-schedule",  # replaced by the same
    "delete-schedule",
}
"""Writes that change nothing when they come again, key or no key."""


def test_every_write_takes_an_idempotency_key() -> None:
    without = {
        operation["operationId"]
        for path in OURS["paths"].values()
        for method, operation in path.items()
        if method != "get" and "idempotency-key" not in {one["name"].lower() for one in operation.get("parameters", ())}
    }

    assert without == BY_NATURE


def test_the_document_is_the_same_whenever_it_is_made() -> None:
    assert json.dumps(build_api().openapi()) == json.dumps(OURS)
