"""An endpoint as it is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tieline_sync.domain.providers.errors import NotConfiguredError

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
MOST_RETRIES: Final = 10
DEFAULT_RETRY_ON: Final = (429, 502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One call that an integration offers. `max_result_length` 0 is no limit of its own."""

    name: str
    method: str = "POST"
    path: str
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body_format: str = "json"
    inject: Mapping[str, str] = field(default_factory=dict)
    wrap_params_key: str | None = None
    max_retries: int = 2
    retry_on_status: frozenset[int] = frozenset(DEFAULT_RETRY_ON)
    response_filter: tuple[str, ...] = ()
    response_mapping: Mapping[str, str] | None = None
    result_key: str | None = None
    result_template: str | None = None
    max_result_length: int = 0

    def answer_stages(self) -> dict[str, Any]:
        """Return what the stages of the answer are configured with, as JSON."""
        return {
            "response_filter": list(self.response_filter),
            "response_mapping": None if self.response_mapping is None else dict(self.response_mapping),
            "result_key": self.result_key,
            "result_template": self.result_template,
            "max_result_length": self.max_result_length,
        }


def endpoint_of(stored: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint that is stored. Raises NotConfiguredError for one that can't be called."""
    method = str(stored.get("method") or "POST").upper()
    name, path = stored.get("name"), stored.get("path")
    if method not in METHODS or not isinstance(name, str) or not isinstance(path, str):
        raise NotConfiguredError("the endpoint needs a name, a path and a method")
    transform = _object(stored.get("request_transform"))
    retries = _object(stored.get("retry_config"))
    statuses = retries.get("retry_on_status", DEFAULT_RETRY_ON)
    return Endpoint(
        name=name,
        method=method,
        path=path,
        input_schema=_object(stored.get("input_schema")),
        headers={str(key): str(value) for key, value in _object(stored.get("headers")).items()},
        body_format="form" if stored.get("body_format") == "form" else "json",
        inject={str(key): str(value) for key, value in _object(transform.get("inject")).items()},
        wrap_params_key=transform.get("wrap_params_key") or None,
        max_retries=min(max(_number(retries.get("max_retries"), 2), 0), MOST_RETRIES),
        retry_on_status=frozenset(status for status in statuses if isinstance(status, int)),
        response_filter=tuple(str(path) for path in stored.get("response_filter") or ()),
        response_mapping=_mapping(stored.get("response_mapping")),
        result_key=stored.get("result_key") or None,
        result_template=stored.get("result_template") or None,
        max_result_length=max(_number(stored.get("max_result_length"), 0), 0),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mapping(value: Any) -> Mapping[str, str] | None:
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, Mapping) and value else None


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
