"""The gateway as a client sees it: one address, one key, the headers that each published surface asks for."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx2

from tieline_cli.errors import StepFailedError

Surface = Literal["A", "B", "C", "D", "E"]

_SECONDS = 30.0
_SHOWN_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, and how long it took."""

    status: int
    body: Any
    milliseconds: float


class Gateway:
    """Calls the gateway, and reads the simulated providers. Use as a context manager."""

    def __init__(self, address: str, *, org: str, workspace_id: str, api_key: str) -> None:
        self.address, self.org, self.workspace_id = address, org, workspace_id
        self._api_key = api_key
        self._http = httpx2.Client(timeout=_SECONDS, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        surface: Surface,
        method: str,
        path: str,
        *,
        body: Any = None,
        expect: int = 200,
        api_key: str | None = None,
        org: str | None = None,
    ) -> Answer:
        """Make one call with the headers of `surface`. Raises StepFailedError when the status is not `expect`."""
        answer = self.try_call(surface, method, path, body=body, api_key=api_key, org=org)
        if answer.status != expect:
            shown = str(answer.body)[:_SHOWN_CHARACTERS]
            raise StepFailedError(f"{method} {path} answered {answer.status}, not {expect}: {shown}")
        return answer

    def try_call(
        self,
        surface: Surface,
        method: str,
        path: str,
        *,
        body: Any = None,
        api_key: str | None = None,
        org: str | None = None,
    ) -> Answer:
        """Make one call with the headers of `surface`, whatever its answer; an empty key sends none."""
        headers = self._headers(surface, self._api_key if api_key is None else api_key, org or self.org)
        return self._timed(lambda: self._http.request(method, self.address + path, json=body, headers=headers))

    def webhook(self, source: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a webhook as its sender does: raw bytes, no key."""
        url = f"{self.address}/api/webhooks/{source}"
        own = {"content-type": "application/json", "x-org-id": self.org}
        return self._timed(lambda: self._http.post(url, content=body, headers={**own, **headers}))

    def events(self, surface: Surface, method: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (event, data) of a stream as they come. Raises StepFailedError when the answer is none."""
        headers = self._headers(surface, self._api_key, self.org)
        with self._http.sse(self.address + path, method=method, headers=headers) as stream:
            if not stream.response.headers.get("content-type", "").startswith("text/event-stream"):
                told = stream.response.read().decode("utf-8", "replace")[:_SHOWN_CHARACTERS]
                raise StepFailedError(f"{method} {path} answered {stream.response.status_code}, no stream: {told}")
            for event in stream:
                if not event.data:  # only sets the time to wait before connecting again, or the last id
                    continue
                data = event.json()
                yield event.event, data if isinstance(data, dict) else {}

    def received(self, simulator: str) -> list[dict[str, Any]]:
        """Return the requests that a simulated provider accepted, newest last."""
        accepted = self._http.get(f"{simulator}/_received").json()
        return list(accepted)

    def _headers(self, surface: Surface, api_key: str, org: str) -> dict[str, str]:
        of_org = {"x-org-id": org} if surface == "C" else {}
        if not api_key:
            return of_org
        if surface in {"A", "C"}:
            return {"x-api-key": api_key, **of_org}
        return {"x-authorization": api_key} if surface == "B" else {"authorization": f"Bearer {api_key}"}

    def _timed(self, call: Callable[[], httpx2.Response]) -> Answer:
        began = time.perf_counter()
        response = call()
        took = (time.perf_counter() - began) * 1000
        try:
            body = response.json() if response.content else None
        except ValueError:
            body = response.text
        return Answer(status=response.status_code, body=body, milliseconds=took)
