"""JSON bodies as the rest of Tieline can carry them: UTF-8 text, 64-bit integers, finite numbers, bounded nesting.

Checked once, where a body is read, so that nothing behind it fails on a value that only Python's JSON reader takes.
"""

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from tieline_gateway.domain.errors import RequestInvalidError

MOST_NESTED = 64  # BSON allows 100 levels; the registry puts a few around what it is given
_INTEGERS = range(-(2**63), 2**63)


class JsonRequest(Request):
    """A request whose JSON is checked as it is read."""

    async def json(self) -> Any:
        """Return the body. Raises json.JSONDecodeError, RequestInvalidError."""
        if not hasattr(self, "_json"):
            body = await self.body()
            try:
                value = json.loads(body.decode(), parse_constant=_refuse_constant)
            except UnicodeDecodeError as error:
                raise json.JSONDecodeError("not UTF-8", "", error.start) from error
            except RecursionError as error:
                raise _refused("is nested too deeply") from error
            except json.JSONDecodeError:
                raise
            except ValueError as error:  # Python reads integers of up to 4,300 digits
                raise _refused("holds a number that is too large") from error
            check(value)
            self._json = value
        return self._json


class JsonRoute(APIRoute):
    """A route that reads its body as `JsonRequest` does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler with the request replaced."""
        handle = super().get_route_handler()

        async def handle_checked(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_checked


def check(value: Any) -> None:
    """Raise RequestInvalidError for a value that can't be carried."""
    level = [value]
    for _ in range(MOST_NESTED + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                for key in item:
                    _check_text(key, key=True)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            else:
                _check_scalar(item)
        if not below:
            return
        level = below
    raise _refused("is nested too deeply")


def _check_scalar(value: Any) -> None:
    if isinstance(value, str):
        _check_text(value)
        return
    too_large = isinstance(value, int) and value not in _INTEGERS
    if too_large or (isinstance(value, float) and not math.isfinite(value)):
        raise _refused("holds a number that is too large")


def _check_text(text: str, *, key: bool = False) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _refused("holds half of a surrogate pair") from error
    if key and "\0" in text:
        raise _refused("holds a key with a NUL character")


def _refuse_constant(name: str) -> Any:
    raise _refused(f"holds {name}, which is not JSON")


def _refused(words: str) -> RequestInvalidError:
    return RequestInvalidError.of(("body",), f"the body {words}")
