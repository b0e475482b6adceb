"""A receiver of webhooks signed as Standard Webhooks says: what a subscriber of ours runs."""

import base64
import hmac
import math
import time
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import ClassVar

from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.stand_in import InvalidConfigurationError, StandIn, strings_or_any

TOLERANCE_SECONDS = 300  # of the signed time, either way; what the official libraries allow
PREFIX = "whsec_"


class WebhookSimulator(StandIn):
    """Takes POSTs on any path. With `secrets` it verifies `webhook-id`, `webhook-timestamp` and `webhook-signature`."""

    name = "webhook"
    settings: ClassVar[frozenset[str]] = frozenset({"secrets"})

    def __init__(self, *, secrets: Iterable[str] = (), clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock=clock)
        self._keys = [_key(secret) for secret in secrets]

    def routes(self) -> Sequence[Route]:
        """Return one route for every path."""
        return [self.endpoint("/{path:path}", self.receive, "POST")]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Take `secrets`, each `whsec_` and base64; null or an empty list stops verifying."""
        if "secrets" in settings:
            self._keys = [_key(secret) for secret in strings_or_any(settings["secrets"], "secrets") or ()]

    def failure(self, status: int) -> Response:
        """Return an error of no special form."""
        return json_answer({"error": f"status {status}"}, status)

    def rate_limited(self, retry_after: float) -> Response:
        """Return a 429 with Retry-After."""
        headers = {"Retry-After": str(max(1, math.ceil(retry_after)))}
        return json_answer({"error": "too many requests"}, 429, headers)

    def receive(self, call: Call) -> Response:
        """Accept a webhook."""
        if self._keys and (reason := self._objection(call)):
            raise Refused(json_answer({"error": reason}, 401))
        return json_answer({"received": True})

    def _objection(self, call: Call) -> str | None:
        """Return why the webhook cannot be trusted, None when it can."""
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        identifier, timestamp, signatures = (call.headers.get(name, "") for name in names)
        if not (identifier and timestamp and signatures):
            return "a webhook header is missing"
        if not timestamp.isdecimal() or abs(self.clock() - int(timestamp)) > TOLERANCE_SECONDS:
            return "the timestamp is not of now"
        content = f"{identifier}.{timestamp}.".encode() + call.raw
        given = [part.removeprefix("v1,") for part in signatures.split(" ") if part.startswith("v1,")]
        expected = [base64.b64encode(hmac.digest(key, content, sha256)).decode() for key in self._keys]
        if any(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected):
            return None
        return "no signature matches"


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except Base64Error as error:
        raise InvalidConfigurationError("a secret is 'whsec_' and base64") from error
