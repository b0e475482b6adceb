"""The whole OpenAPI document, tried out with a fixed seed: no answer is a 5xx or other than documented."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok
from tieline_gateway.bootstrap import build_api

from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack

SEED = 20260301
EXAMPLES = 4  # per operation, and as many that break the schema
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = schemathesis.openapi.from_dict(build_api().openapi())
FOUND: list[Any] = [found.ok() for found in DOCUMENT.get_all_operations() if isinstance(found, Ok)]
OPERATIONS = [pytest.param(operation, id=operation.label) for operation in FOUND]


@pytest.fixture(scope="module")
def resident(providers_of_session: ProviderStack) -> Iterator[Caller]:
    """Someone who may do everything, at a gateway with everything behind it."""
    somebody = providers_of_session.caller()
    with somebody.http:
        yield somebody


def test_every_operation_is_tried() -> None:
    assert len(FOUND) == sum(len(path) for path in DOCUMENT.raw_schema["paths"].values())


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # its own strategies do
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_as_documented(operation: Any, mode: schemathesis.GenerationMode, resident: Caller) -> None:
    headers = {"authorization": f"Bearer {resident.api_key}", "x-org-id": resident.slug}

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def answers(case: schemathesis.Case[Any]) -> None:
        if "workspace_id" in case.path_parameters:
            case.path_parameters["workspace_id"] = resident.workspace_id
        case.call_and_validate(base_url=str(resident.http.base_url), headers=headers, checks=CHECKS)

    answers()
