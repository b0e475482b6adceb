"""What connectors ask vendors for is what their published schemas take."""

from urllib.parse import parse_qsl

import pytest
from graphql import OperationDefinitionNode, parse, validate
from tieline_simulators import ReceivedRequest

from tests.contract.providers.test_vendor_schemas import (
    PAGERDUTY,
    SENTRY,
    linear_schema,
    operation_of,
    parameters,
    variables_of,
)
from tests.shared_data import shared_data
from tests.unit.sync.connectors.support import read
from tests.unit.sync.connectors.test_vendors import VENDORS, opened

BY_PROVIDER = {vendor.provider: vendor for vendor in VENDORS}


async def _asked(provider: str, **config: str) -> list[ReceivedRequest]:
    """Return what two runs of a connector ask its vendor."""
    async with opened(BY_PROVIDER[provider], **config) as (stand_in, source, moment):  # type: ignore[arg-type]
        first = await read(source)
        moment.move(hours=1)
        await read(source, first.resume)
        return list(stand_in.received)


@pytest.mark.parametrize(
    ("provider", "spec", "config"),
    [
        ("pagerduty", PAGERDUTY, {"service_id": "PSVC001"}),
        ("sentry", SENTRY, {}),
        ("sentry", SENTRY, {"project": "checkout"}),
    ],
)
async def test_parameters_are_published_ones(provider: str, spec: str, config: dict[str, str]) -> None:
    shared_data("specs", spec)

    asked = await _asked(provider, **config)

    assert asked
    for received in asked:
        _, operation = operation_of(spec, received)
        published = parameters(spec, operation, "query")
        assert {name for name, _ in parse_qsl(received.query)} <= published.keys(), received.path


async def test_query_of_linear_issues_is_valid_in_the_published_schema() -> None:
    shared_data("specs", "linear-schema.graphql.gz")

    asked = await _asked("linear", team="ENG")

    assert len(asked) > 1
    for received in asked:
        assert isinstance(received.body, dict)
        tree = parse(received.body["query"])
        [operation] = tree.definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert validate(linear_schema(), tree) == []
        errors, values = variables_of(operation, received.body["variables"])
        assert errors == []
        assert values is not None
