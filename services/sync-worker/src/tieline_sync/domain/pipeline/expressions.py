"""`response_mapping` and `result_key`: JMESPath expressions. Evaluated in the sandbox only."""

from collections.abc import Mapping
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError


class ExpressionError(Exception):
    """An expression is invalid, or does not fit the answer; the message names it."""


def mapped(value: Any, mapping: Mapping[str, str]) -> dict[str, Any]:
    """Return an object with what each expression finds in `value`; null where it finds nothing."""
    return {name: found(value, expression, f"response_mapping.{name}") for name, expression in mapping.items()}


def found(value: Any, expression: str, where: str) -> Any:
    """Return what an expression finds. Raises ExpressionError."""
    try:
        return jmespath.search(expression, value)
    except JMESPathError as error:
        first_line = str(error).partition("\n")[0]
        raise ExpressionError(f"{where}: {first_line}") from error
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ExpressionError(f"{where}: {type(error).__name__}") from error
