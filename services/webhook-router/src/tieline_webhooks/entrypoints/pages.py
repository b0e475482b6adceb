"""Pages of lists: newest first, and a cursor that says where the next one begins."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from tieline_webhooks.entrypoints.answers import Fault, RefusedRequestError
from tieline_webhooks.ports import Place

MOST = 200

Limit = Annotated[int, Query(ge=1, le=MOST, description="Most items to return.")]
Cursor = Annotated[str | None, Query(max_length=300, description="`nextCursor` of the page before.")]


def place_of(cursor: str | None) -> Place | None:
    """Return the place that a cursor stands for. Refuses the request when it is none of ours."""
    if cursor is None:
        return None
    try:
        milliseconds, _, item = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC), item
    except (ValueError, OverflowError, OSError, binascii.Error) as error:
        fault = Fault(status=400, code="INVALID_CURSOR", message="The cursor is not one that was given out")
        raise RefusedRequestError(fault) from error


def cursor_after(at: datetime, item: str) -> str:
    """Return the cursor of the page behind an item."""
    return urlsafe_b64encode(f"{round(at.timestamp() * 1000)} {item}".encode()).decode().rstrip("=")
