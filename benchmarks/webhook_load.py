"""Posts signed webhooks as fast as they are answered, or at a given rate, and prints what it saw as JSON.

    python -m benchmarks.webhook_load http://127.0.0.1:8401/api/webhooks/sentry --secret S [--rate 4000]

A process of its own, so that it takes nothing from the server's event loop. Connections are kept, one request at a time
on each. With `--rate`, latency counts from when a request was due, not from when a connection was free for it.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import re
import statistics
import time
from collections import deque
from typing import cast
from urllib.parse import urlsplit

import uvloop

BODY_BYTES = 4096
DIFFERENT = 4_000
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


def a_body(number: int) -> bytes:
    """Return the body of a Sentry issue webhook of about 4 KB."""
    issue = {
        "id": str(number),
        "title": f"TypeError: undefined is not a function ({number})",
        "culprit": "checkout/cart.ts in addItem",
        "level": "error",
        "status": "unresolved",
        "project": {"id": "71", "slug": f"storefront-{number % 7}", "name": "Storefront"},
        "web_url": f"https://acme.sentry.io/issues/{number}/",
        "metadata": {"type": "TypeError", "value": "undefined is not a function"},
    }
    body = {"action": "created", "data": {"issue": issue}, "actor": {"type": "application", "name": "Sentry"}}
    issue["annotations"] = ["x" * 64] * ((BODY_BYTES - len(json.dumps(body))) // 68)
    return json.dumps(body).encode()


def requests_for(url: str, secret: str, first: int, workspace: str) -> list[bytes]:
    """Return whole HTTP requests, signed, each with a body of its own."""
    parts = urlsplit(url)
    found = []
    for number in range(first, first + DIFFERENT):
        body = a_body(number)
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
            f"x-org-id: {workspace}\r\nsentry-hook-resource: issue\r\nsentry-hook-signature: {signature}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


class Load:
    """What all connections share."""

    def __init__(self, requests: list[bytes], rate: float | None) -> None:
        self.requests, self.rate = requests, rate
        self.next = 0
        self.latencies: list[float] = []
        self.refused: dict[str, int] = {}
        self.due: deque[float] = deque()
        self.idle: list[Connection] = []
        self.stopping = False

    def take(self) -> bytes:
        """Return the next request."""
        self.next += 1
        return self.requests[self.next % len(self.requests)]


class Connection(asyncio.Protocol):
    """One kept connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._since = 0.0
        self._answer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Post at once, or wait until something is due."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        if self._load.rate is None:
            self.post(time.perf_counter())
        else:
            self._load.idle.append(self)

    def post(self, since: float) -> None:
        """Send the next request; its latency counts from `since`."""
        assert self._transport is not None
        self._since = since
        self._transport.write(self._load.take())

    def data_received(self, data: bytes) -> None:
        """Take an answer, once it is whole, and go on."""
        load = self._load
        self._answer += data
        head, is_there, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not is_there or length is None or len(body) < int(length[1]):
            return
        self._answer = b""
        if head.startswith(b"HTTP/1.1 200"):
            load.latencies.append(time.perf_counter() - self._since)
        else:
            status = head[9:12].decode()
            load.refused[status] = load.refused.get(status, 0) + 1
        if load.stopping:
            return
        if load.rate is None:
            self.post(time.perf_counter())
        elif load.due:
            self.post(load.due.popleft())
        else:
            load.idle.append(self)


async def run(options: argparse.Namespace) -> dict[str, object]:
    """Load the server for a while and return the figures."""
    load = Load(requests_for(options.url, options.secret, options.first, options.workspace), options.rate)
    parts = urlsplit(options.url)
    loop = asyncio.get_running_loop()
    for _ in range(options.connections):
        await loop.create_connection(lambda: Connection(load), parts.hostname, parts.port)
    started = time.perf_counter()
    end = started + options.seconds
    sent = 0
    while (now := time.perf_counter()) < end:
        if load.rate is not None:
            while sent < (now - started) * load.rate:
                due = started + sent / load.rate
                sent += 1
                if load.idle:
                    load.idle.pop().post(due)
                else:
                    load.due.append(due)
        await asyncio.sleep(0.001 if load.rate is not None else 0.05)
    took = time.perf_counter() - started
    load.stopping = True
    await asyncio.sleep(0.5)  # what is under way is answered before the connections close
    return figures(load, took)


def figures(load: Load, took: float) -> dict[str, object]:
    """Return what was seen."""
    latencies = sorted(load.latencies)
    cuts = statistics.quantiles(latencies, n=1000) if len(latencies) > 1 else [0.0] * 999
    return {
        "rate": len(latencies) / took,
        "answered": len(latencies),
        "refused": load.refused,
        "p50_ms": cuts[499] * 1000,
        "p99_ms": cuts[989] * 1000,
        "p999_ms": cuts[998] * 1000,
        "max_ms": (latencies[-1] if latencies else 0.0) * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--workspace", default="org-acme-corp")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--first", type=int, default=0, help="number of the first issue")
    print(json.dumps(uvloop.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
