"""A workspace of a running Tieline, as its operators ask for it: the gateway's public HTTP interface and an API key.

Where it is comes from options or TIELINE_GATEWAY_URL, TIELINE_API_KEY and TIELINE_WORKSPACE; what they leave open, from
the local stack in the data folder.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tieline_cli.errors import CliError
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.layout import DataDir

_SECONDS = 30.0
_SHOWN_CHARACTERS = 400


class WorkspaceUnknownError(CliError):
    """Nothing says which workspace is meant, or where it is."""


class AskedInVainError(CliError):
    """The gateway can't be reached, or refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceAddress:
    """Which workspace, at which gateway, by which key."""

    gateway: str
    workspace: str
    api_key: str = field(repr=False)

    @classmethod
    def of(cls, gateway: str | None, workspace: str | None, api_key: str | None, data_dir: Path) -> Self:
        """Return what was given, completed by the local stack. Raises WorkspaceUnknownError naming what is missing."""
        local = None if gateway and workspace and api_key else Endpoints.find(DataDir(root=data_dir))
        if local is not None and gateway in {None, local.gateway}:
            gateway = local.gateway
            workspace = workspace or local.workspace_id
            api_key = api_key or local.api_key
        if gateway and workspace and api_key:
            return cls(gateway=gateway.rstrip("/"), workspace=workspace, api_key=api_key)
        missing = {"TIELINE_GATEWAY_URL": gateway, "TIELINE_WORKSPACE": workspace, "TIELINE_API_KEY": api_key}
        raise WorkspaceUnknownError(
            f"set {', '.join(name for name, value in missing.items() if not value)}, "
            f"or start a local stack; none is running in {data_dir}"
        )


class WorkspaceClient:
    """Calls below `/v1/{workspace}`. Use as a context manager. Every call may raise AskedInVainError."""

    def __init__(self, address: WorkspaceAddress) -> None:
        self._address = address
        self._http = httpx2.Client(
            base_url=f"{address.gateway}/v1/{address.workspace}",
            headers={"authorization": f"Bearer {address.api_key}"},
            timeout=_SECONDS,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at `path`; parameters that are None are left out."""
        return self._call("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON that posting `body` answers; None when it answers nothing."""
        return self._call("POST", path, json=body)

    def pages(self, path: str, items: str, cursor: str = "cursor", **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the `items` of every page; the next is asked for by `cursor`, from the answer's `nextCursor`."""
        position: str | None = None
        while True:
            page = self.get(path, **params, **{cursor: position})
            yield from page[items]
            position = page.get("nextCursor")
            if position is None:
                return

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._http.request(method, path, **arguments)
            body = answer.json() if answer.content else None
        except httpx2.HTTPError as error:
            raise AskedInVainError(f"{self._address.gateway} did not answer: {type(error).__name__}") from error
        except ValueError:
            body = answer.text
        if not answer.is_success:
            raise AskedInVainError(f"{method} {answer.url.path} answered {answer.status_code}: {_told(body)}")
        return body


def _told(body: Any) -> str:
    if isinstance(body, dict):
        error = body.get("error", body)
        body = error.get("message", body) if isinstance(error, dict) else body.get("message", error)
    return str(body)[:_SHOWN_CHARACTERS]
