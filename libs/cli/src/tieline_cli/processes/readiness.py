"""Questions to a starting program: whether it listens, whether it is ready."""

import http.client
import json
import socket

_SECONDS = 2.0


def listening(host: str, port: int) -> str | None:
    """Return None when something listens at `host:port`."""
    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except OSError:
        return f"nothing listens on {host}:{port} yet"
    return None


def answers_ready(host: str, port: int, path: str = "/readyz") -> str | None:
    """Return None when `path` answers 200, else what the service says it misses."""
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(4096)
    except (OSError, http.client.HTTPException):
        return f"nothing answers on {host}:{port} yet"
    finally:
        connection.close()
    return None if answer.status == http.client.OK else _reason(answer.status, body)


def _reason(status: int, body: bytes) -> str:
    try:
        told = json.dumps(json.loads(body))
    except ValueError:
        told = body.decode("utf-8", "replace").strip()
    return f"answers {status} {told[:300]}".strip()
