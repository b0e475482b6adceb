"""Validation errors in the two forms that the documents use.

Surface A's document shows the words and types of pydantic 1 (`field required`, `value_error.missing`); surface E's
OpenAPI those of FastAPI today. `legacy` puts every kind of error into the former.
"""

from typing import Any

from tieline_gateway.domain.errors import FieldError

# pydantic 2's error types and the words and types that pydantic 1 had for them.
_LEGACY: dict[str, tuple[str, str]] = {
    "missing": ("field required", "value_error.missing"),
    "enum": ("value is not a valid enumeration member", "type_error.enum"),
    "literal_error": ("value is not a valid enumeration member", "type_error.enum"),
    "string_type": ("str type expected", "type_error.str"),
    "int_type": ("value is not a valid integer", "type_error.integer"),
    "int_parsing": ("value is not a valid integer", "type_error.integer"),
    "bool_type": ("value could not be parsed to a boolean", "type_error.bool"),
    "bool_parsing": ("value could not be parsed to a boolean", "type_error.bool"),
    "dict_type": ("value is not a valid dict", "type_error.dict"),
    "model_type": ("value is not a valid dict", "type_error.dict"),
    "model_attributes_type": ("value is not a valid dict", "type_error.dict"),
    "list_type": ("value is not a valid list", "type_error.list"),
    "datetime_type": ("invalid datetime format", "value_error.datetime"),
    "datetime_parsing": ("invalid datetime format", "value_error.datetime"),
    "datetime_from_date_parsing": ("invalid datetime format", "value_error.datetime"),
    "json_invalid": ("Invalid JSON", "value_error.jsondecode"),
}


def legacy(error: FieldError) -> dict[str, Any]:
    """Return `error` with `loc`, `msg`, `type` as surface A documents them."""
    if error.kind == "string_too_short":
        limit = (error.ctx or {}).get("min_length", 1)
        message, kind = f"ensure this value has at least {limit} characters", "value_error.any_str.min_length"
    elif error.kind == "string_too_long":
        limit = (error.ctx or {}).get("max_length", 255)
        message, kind = f"ensure this value has at most {limit} characters", "value_error.any_str.max_length"
    else:
        message, kind = _LEGACY.get(error.kind, (error.message, "value_error"))
    loc = error.loc[:1] if error.kind == "json_invalid" else error.loc
    return {"loc": list(loc), "msg": message, "type": kind}


def modern(error: FieldError) -> dict[str, Any]:
    """Return `error` as FastAPI does, without repeating the input: it may hold a secret."""
    return {"loc": list(error.loc), "msg": error.message, "type": error.kind}
