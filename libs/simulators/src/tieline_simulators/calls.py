"""A request as a stand-in's handler sees it, and the refusal it may raise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from tieline_simulators.bodies import parsed

MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request, read whole."""

    method: str
    path: str
    base_url: str
    params: Mapping[str, str]
    query: QueryParams
    query_string: str
    """As it came, still percent-encoded."""
    headers: Headers
    raw: bytes

    @cached_property
    def body(self) -> object:
        """JSON, a dictionary of form fields, text, or None."""
        return parsed(self.raw, self.headers)

    @property
    def fields(self) -> Mapping[str, object]:
        """The body when it is an object or a form, else nothing."""
        return self.body if isinstance(self.body, dict) else {}

    def bearer(self, scheme: str = "Bearer") -> str | None:
        """Return the credential of an `Authorization: <scheme> <credential>` header, None for any other form."""
        given, _, credential = self.headers.get("authorization", "").partition(" ")
        return credential.strip() or None if given.lower() == scheme.lower() else None


class Refused(Exception):  # noqa: N818 - not a failure of ours: the vendor's "no", carried to the edge
    """The vendor would not accept this call; `answer` is what it would say."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


Handler = Callable[[Call], Response]


async def body_of(request: Request) -> bytes | None:
    """Return the body, None when it is over 4 MiB."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
