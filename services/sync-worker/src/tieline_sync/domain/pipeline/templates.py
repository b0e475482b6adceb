"""`result_template`: a Jinja template over the result. Evaluated in the sandbox only."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jinja2 import ChainableUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST_TEXT: Final = 1_048_576
MOST_TEMPLATES: Final = 128  # kept, because compiling one takes longer than rendering it


class TemplateFailedError(Exception):
    """A template is invalid, fails, or writes too much; the message says which."""


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=False,  # plain text comes out, not HTML
        undefined=ChainableUndefined,
    )
    environment.globals.pop("lipsum", None)
    return environment


_ENVIRONMENT: Final = _environment()


@lru_cache(MOST_TEMPLATES)
def _compiled(template: str) -> Template:
    return _ENVIRONMENT.from_string(template)


def rendered(template: str, result: Any) -> str:
    """Return the template's text. `result` is the value; an object's fields are there by their names as well.

    What is not there renders as nothing. Raises TemplateFailedError.
    """
    names = {str(name): value for name, value in result.items()} if isinstance(result, Mapping) else {}
    parts: list[str] = []
    size = 0
    try:
        for part in _compiled(template).generate({**names, "result": result}):
            size += len(part)
            if size > LONGEST_TEXT:
                raise TemplateFailedError(f"result_template: writes more than {LONGEST_TEXT} characters")
            parts.append(part)
    except TemplateSyntaxError as error:
        raise TemplateFailedError(f"result_template: line {error.lineno}: {error.message}") from error
    except TemplateError as error:
        raise TemplateFailedError(f"result_template: {error.message}") from error
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        raise TemplateFailedError(f"result_template: {type(error).__name__}: {str(error)[:200]}") from error
    return "".join(parts)
