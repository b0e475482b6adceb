"""Surface A's forms of validation errors, for every kind of wrong field."""

from typing import Any

import pytest
from pydantic import ValidationError
from tieline_gateway.domain.errors import FieldError
from tieline_gateway.domain.surface_a import SaveRequest
from tieline_gateway.entrypoints.legacy_validation import legacy

RIGHT = {"name": "n", "integration_type": "sentry"}


@pytest.mark.parametrize(
    ("change", "loc", "message", "kind"),
    [
        ({"name": None}, ["name"], "str type expected", "type_error.str"),
        ({"name": 5}, ["name"], "str type expected", "type_error.str"),
        (
            {"name": ""},
            ["name"],
            "ensure this value has at least 1 characters",
            "value_error.any_str.min_length",
        ),
        (
            {"name": "x" * 256},
            ["name"],
            "ensure this value has at most 255 characters",
            "value_error.any_str.max_length",
        ),
        ({"status": "on"}, ["status"], "value is not a valid enumeration member", "type_error.enum"),
        ({"active": "perhaps"}, ["active"], "value could not be parsed to a boolean", "type_error.bool"),
        ({"auth_data": "x"}, ["auth_data"], "value is not a valid dict", "type_error.dict"),
        ({"auth_data": {"access_token": 5}}, ["auth_data", "access_token"], "str type expected", "type_error.str"),
        (
            {"auth_data": {"expires_at": "soon"}},
            ["auth_data", "expires_at"],
            "invalid datetime format",
            "value_error.datetime",
        ),
        ({"scope_data": []}, ["scope_data"], "value is not a valid dict", "type_error.dict"),
        ({"metadata": {}}, ["metadata", "instance_name"], "field required", "value_error.missing"),
        (
            {"metadata": {"instance_name": "i", "tags": "t"}},
            ["metadata", "tags"],
            "value is not a valid list",
            "type_error.list",
        ),
        (
            {"metadata": {"instance_name": "i", "tags": [5]}},
            ["metadata", "tags", 0],
            "str type expected",
            "type_error.str",
        ),
    ],
)
def test_wrong_field(change: dict[str, Any], loc: list[str | int], message: str, kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SaveRequest.model_validate({**RIGHT, **change})

    [wrong] = caught.value.errors()
    error = FieldError(loc=("body", *wrong["loc"]), message=wrong["msg"], kind=wrong["type"], ctx=wrong.get("ctx"))
    assert legacy(error) == {"loc": ["body", *loc], "msg": message, "type": kind}
