"""Endpoints' servers, over the same checked transport as every other call."""

from datetime import timedelta

from tieline.clock import Clock
from tieline.outgoing import HostClients, OutgoingError

from tieline_sync.adapters.providers.failures import upstream
from tieline_sync.domain.pipeline.answers import LARGEST_BODY
from tieline_sync.domain.pipeline.request import Request
from tieline_sync.domain.providers.limits import stated_wait
from tieline_sync.handlers.provider_ports import ServerAnswer


class HttpEndpointServer:
    """Sends requests. The header that proves us takes the place of one that the endpoint has under its name."""

    def __init__(self, http: HostClients, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def send(self, request: Request, *, proof: tuple[str, str] | None, limit: timedelta) -> ServerAnswer:
        """Send a request; return the answer whatever its status. Raises UpstreamError."""
        headers = dict(request.headers)
        if proof is not None:
            headers = {name: value for name, value in headers.items() if name.lower() != proof[0].lower()}
            headers[proof[0]] = proof[1]
        try:
            answer = await self._http.call(
                request.method,
                request.url,
                headers={"accept": "application/json, */*;q=0.5", **headers},
                json=request.json,
                form=request.form,
                timeout=limit,
                most_bytes=LARGEST_BODY,
            )
        except OutgoingError as error:
            raise upstream(error) from error
        return ServerAnswer(
            status=answer.status,
            content_type=answer.headers.get("content-type", ""),
            body=answer.body,
            asked=stated_wait(answer.headers, self._clock()) if answer.status >= 400 else None,
            link=answer.headers.get("link", ""),
        )
