"""Pages for lists whose documents know none: the body stays as documented, the headers say where it goes on."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from tieline_gateway.handlers.reading import Window

MOST = 1000


class Paging:
    """What part of a list is asked for: all of it up to `MOST` items, unless the query says otherwise."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Most items to return.")] = MOST,
        offset: Annotated[int, Query(ge=0, le=2**31 - 1, description="How many items to skip.")] = 0,
    ) -> None:
        self._path = request.url.path
        self._response = response
        self.limit = limit
        self.offset = offset

    def answer_with(self, window: Window[Any]) -> None:
        """Set `X-Total-Count`, and `Link` with the next page if there is one."""
        self._response.headers["x-total-count"] = str(window.total)
        if window.next_offset is not None:
            after = {} if window.next_after is None else {"after": window.next_after}
            query = urlencode({"limit": self.limit, "offset": window.next_offset, **after})
            self._response.headers["link"] = f'<{self._path}?{query}>; rel="next"'


PagingDep = Annotated[Paging, Depends()]
