"""The least a webhook intake has to do: a bare ASGI handler that reads the body and checks the HMAC, on uvicorn.

python -m benchmarks.webhook_floor PORT SECRET
"""

import hashlib
import hmac
import sys

import uvicorn
from starlette.types import Receive, Scope, Send

ANSWER = b'{"received":true}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]


class Floor:
    """Answers 200 to what is signed with its secret, else 401."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        signature = next((value for name, value in scope["headers"] if name == b"sentry-hook-signature"), b"")
        genuine = hmac.compare_digest(hmac.digest(self._secret, body, hashlib.sha256).hex().encode(), signature)
        await send({"type": "http.response.start", "status": 200 if genuine else 401, "headers": HEADERS})
        await send({"type": "http.response.body", "body": ANSWER})


def main() -> None:
    port, secret = int(sys.argv[1]), sys.argv[2].encode()
    uvicorn.run(
        Floor(secret),
        port=port,
        lifespan="off",
        access_log=False,
        log_level="error",
        server_header=False,
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
