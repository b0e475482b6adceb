"""Parameters against the endpoint's JSON Schema. Evaluated in the sandbox only: patterns can run for ever."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema import FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

MOST_PROBLEMS: Final = 20
LONGEST_MESSAGE: Final = 200
MOST_SCHEMAS: Final = 128  # kept, because checking a schema takes longer than checking parameters by it
_NOTHING_ELSE: Registry[Any] = Registry()  # a schema can only refer to itself: nothing is fetched


class SchemaInvalidError(Exception):
    """The endpoint's schema is no schema; the message says where."""


def problems_with(params: Mapping[str, Any], schema: Mapping[str, Any]) -> list[tuple[list[str | int], str]]:
    """Return place and message of what is wrong with `params`, the first 20. Raises SchemaInvalidError."""
    validator = _validator(json.dumps(schema))
    found: list[tuple[list[str | int], str]] = []
    try:
        for error in validator.iter_errors(params):
            found.append((list(error.absolute_path) + _missing(error), _message(error)))
            if len(found) >= MOST_PROBLEMS:
                break
    except Unresolvable as error:
        raise SchemaInvalidError("input_schema refers to a schema that is not in it") from error
    return sorted(found, key=lambda problem: [str(part) for part in problem[0]])


@lru_cache(MOST_SCHEMAS)
def _validator(schema_json: str) -> Validator:
    schema = json.loads(schema_json)
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise SchemaInvalidError(f"input_schema is not valid: {error.message[:LONGEST_MESSAGE]}") from error
    return kind(schema, format_checker=FormatChecker(), registry=_NOTHING_ELSE)


def _missing(error: ValidationError) -> list[str | int]:
    """Return the name of the property that is missing, so that the problem stands where the value belongs."""
    wanted = error.validator_value
    if error.validator == "required" and isinstance(error.instance, Mapping) and isinstance(wanted, list):
        absent = [name for name in wanted if name not in error.instance]
        return [next((name for name in absent if f"{name!r} is" in error.message), absent[0])] if absent else []
    return []


def _message(error: ValidationError) -> str:
    return error.message if len(error.message) <= LONGEST_MESSAGE else f"{error.message[:LONGEST_MESSAGE]}…"
