"""From parameters to a request: the path, what is left of the parameters, the transform, the body or the query."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from tieline_sync.domain.pipeline.endpoint import Endpoint
from tieline_sync.domain.providers.errors import CallInputError, NotConfiguredError, Problem
from tieline_sync.domain.providers.paths import segment

IN_QUERY: Final = frozenset({"GET", "DELETE"})
IDEMPOTENCY_KEY: Final = "idempotency-key"
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request without the header that proves us. `json` is meant when it is not None, or else `form`."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str | list[str]] | None = None

    @property
    def names_itself(self) -> bool:
        """Tell whether the request carries a key by which its server knows a repetition."""
        return any(name.lower() == IDEMPOTENCY_KEY and value for name, value in self.headers.items())


def request_of(
    endpoint: Endpoint, *, base_url: str, params: Mapping[str, Any], consumed: frozenset[str], unique: str
) -> Request:
    """Return the request that `params` make.

    `consumed` were used up to get a token. `unique` names this run for a server that takes idempotency keys. Raises
    CallInputError for parameters that can't be sent, NotConfiguredError for an endpoint that can't be called.
    """
    path, used = _path(endpoint.path, params)
    left = {name: value for name, value in params.items() if name not in used and name not in consumed}
    sent = {**_wrapped(endpoint, left), **endpoint.inject}
    url = _joined(base_url, path)
    headers = _headers(endpoint, unique)
    if endpoint.method in IN_QUERY:
        query = urlencode(_pairs(sent))
        separator = "&" if "?" in url else "?"
        return Request(method=endpoint.method, url=f"{url}{separator}{query}" if query else url, headers=headers)
    if endpoint.body_format == "form":
        return Request(method=endpoint.method, url=url, headers=headers, form=_form(sent))
    return Request(method=endpoint.method, url=url, headers=headers, json=sent)


def _path(template: str, params: Mapping[str, Any]) -> tuple[str, set[str]]:
    """Return the path with its places filled, and the names of the parameters that filled them."""
    used: set[str] = set()
    problems: list[Problem] = []

    def filled(place: re.Match[str]) -> str:
        name = place[1].strip()
        used.add(name)
        value = params.get(name)
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value is None or not isinstance(value, str | int | float):
            problems.append(Problem((name,), f"{name} is part of the path and must be given as text or number"))
            return ""
        try:
            return segment(str(value), name)
        except CallInputError as error:
            problems.extend(error.problems)
            return ""

    path = _PLACE.sub(filled, template)
    if problems:
        raise CallInputError(problems)
    return path, used


def _joined(base_url: str, path: str) -> str:
    """Return the address: the path always below the base, whatever it looks like."""
    base = base_url.strip().rstrip("/")
    if not base:
        raise NotConfiguredError("base_url is missing")
    if "://" not in base:
        base = f"https://{base}"
    plain, question, query = path.partition("?")
    if "#" in path or "\\" in path or {".", ".."}.intersection(plain.split("/")):
        raise NotConfiguredError("the endpoint's path leads elsewhere")
    below = plain.lstrip("/")
    url = f"{base}/{below}" if below else base
    try:
        before, after = urlsplit(base), urlsplit(url)
    except ValueError as error:
        raise NotConfiguredError("base_url is not an address") from error
    if (before.scheme, before.netloc) != (after.scheme, after.netloc) or before.query or before.fragment:
        raise NotConfiguredError("base_url and the endpoint's path make no address")
    return url + question + query


def _wrapped(endpoint: Endpoint, params: Mapping[str, Any]) -> dict[str, Any]:
    return dict(params) if endpoint.wrap_params_key is None else {endpoint.wrap_params_key: dict(params)}


def _headers(endpoint: Endpoint, unique: str) -> dict[str, str]:
    """Return the endpoint's headers; an idempotency key that is left empty is a new one for every run."""
    return {
        name: unique if name.lower() == IDEMPOTENCY_KEY and not value.strip() else value
        for name, value in endpoint.headers.items()
    }


def _form(values: Mapping[str, Any]) -> dict[str, str | list[str]]:
    form: dict[str, str | list[str]] = {}
    for name, value in _pairs(values):
        known = form.get(name)
        form[name] = value if known is None else [*known, value] if isinstance(known, list) else [known, value]
    return form


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and text of each value: a list repeats its name, an object is written as JSON, null is left out."""
    return [
        (name, _text(item))
        for name, value in values.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
