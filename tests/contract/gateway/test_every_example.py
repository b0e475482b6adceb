"""Every example that a published document shows is held by a test: this is the list of which holds which.

The examples are read from the documents, in their order, where they lie beside the project; a request must stand in its
test as it stands in the document. Surface E's document shows no examples; `test_surface_e_statuses.py` holds each
status of each of its operations.
"""

import ast
import importlib
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.gateway.command_lines import command_lines, json_values, save_examples, text_of

_HERE = "tests.contract.gateway."
_A = _HERE + "test_surface_a_examples:"
_B = _HERE + "test_surface_b_examples:"
_C = _HERE + "test_surface_c_examples:"
_D = _HERE + "test_surface_d_examples:"
_LINES = _HERE + "test_requests_verbatim:"
_CALLS = "tests.contract.providers.test_surface_c_calls:"
_TROUBLE = "tests.contract.providers.test_surface_c_trouble:"
_STREAM = "tests.integration.sync.test_published_stream:"
_WEBHOOK = "tests.integration.webhooks.test_documented_example:test_sentry_webhook_example"

HELD_BY: dict[str, list[str]] = {
    "A": [
        _A + "test_complete_workflow_answers_the_documented_success",  # the request
        _A + "test_complete_workflow_answers_the_documented_success",  # its answer
        *[_A + "test_integration_example"] * 5,
        _A + "test_minimal_example_takes_the_documented_defaults",
        _A + "test_401_missing_header",
        _A + "test_401_invalid_key",
        _A + "test_422_missing_required_field",
        _A + "test_422_invalid_integration_type",
        _A + "test_500_database_connection_failed",
    ],
    "B": [_B + "test_integration_example", _B + "test_integration_example", _B + "test_save_all_integrations_example"],
    "C": [
        _C + "test_status_example",
        _C + "test_configure_example",
        _C + "test_configure_example",
        _CALLS + "test_oncall_example",
        _CALLS + "test_incidents_example",
        _CALLS + "test_acknowledge_example",
        _CALLS + "test_acknowledge_example",
        _CALLS + "test_teams_example",
        _CALLS + "test_issues_have_the_documented_shape",
        _CALLS + "test_create_issue_example",
        _CALLS + "test_create_issue_example",
        _CALLS + "test_sentry_example",
        _WEBHOOK,
        _WEBHOOK,
        _C + "test_list_routes_example",
        _C + "test_create_route_example",
        _C + "test_create_route_example",
        _C + "test_delete_route_example",
        _C + "test_error_integration_not_configured",
        _TROUBLE + "test_error_example_of_a_timeout",
        _C + "test_error_route_not_found",
    ],
    "D": [
        _D + "test_list_all_example",  # the config of the integration object
        _LINES + "test_command_line",  # the list, of an integration that was synced
        _LINES + "test_command_line",
        _D + "test_error_integration_not_found",
        _D + "test_create_example",
        _D + "test_create_example",
        _D + "test_update_example",
        _D + "test_update_example",
        _D + "test_delete_example",
        _D + "test_error_integration_not_found",
        *[_STREAM + "test_stream_is_the_published_example_byte_for_byte"] * 7,
        *[_STREAM + "test_documented_errors_come_as_error_events"] * 3,
    ],
}
COMMAND_LINES = {"A": 1, "B": 1, "C": 13, "D": 6}
SAVE_EXAMPLES = 10
"""Bodies for surface A besides its command line: two programs, six of the list, two of the OpenAPI part."""


@pytest.mark.parametrize("surface", HELD_BY)
def test_every_example_has_a_test(surface: str) -> None:
    shown = list(json_values(text_of(surface)))
    if not shown:
        pytest.skip(f"the document of surface {surface} is not beside the project")

    assert len(shown) == len(HELD_BY[surface])
    assert len(command_lines(surface)) == COMMAND_LINES[surface]
    if surface == "A":
        assert len(save_examples()) == SAVE_EXAMPLES


@pytest.mark.parametrize("test", sorted(set(itertools.chain(*HELD_BY.values()))))
def test_the_test_is_there(test: str) -> None:
    module, _, name = test.partition(":")

    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("surface", ["A", "B", "C", "D"])
def test_requests_stand_in_their_tests_as_in_the_document(surface: str) -> None:
    bodies = [one.body for one in command_lines(surface) if one.body is not None]
    if not bodies:
        pytest.skip(f"the document of surface {surface} is not beside the project")
    held = [value for test in set(HELD_BY[surface]) for value in values_in(test.partition(":")[0])]

    for body in [*bodies, *(body for body, _ in save_examples().values() if surface == "A")]:
        assert any(value == body for value in held), body


def values_in(module_name: str) -> Iterator[Any]:
    """Yield every JSON-like value that a module holds: its globals, what is in them, and its literals."""
    module = importlib.import_module(module_name)
    for value in vars(module).values():
        yield from _nested(value)
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Dict | ast.List):
            try:
                yield ast.literal_eval(node)
            except ValueError:  # it names something
                continue


def _nested(value: Any) -> Iterator[Any]:
    if isinstance(value, bytes):
        yield value
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _nested(inner)
    elif isinstance(value, list):
        yield value
