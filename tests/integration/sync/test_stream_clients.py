"""The stream as other people's programs read it: clients of two libraries, a browser, and nginx in between."""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tieline_cli.processes.ports import free_port
from tieline_simulators import Fault, ServiceNowSimulator, running

from tests.integration.sync.bench import SyncBench
from tests.integration.sync.gateway import gateway
from tests.integration.sync.test_published_stream import ADMIN, INTEGRATION, configure, incidents, worker_http
from tests.support.http_server import serving
from tests.support.waiting import eventually

SYNC = f"/integrations/sync/{INTEGRATION}"
Told = list[tuple[str, str, Any]]
"""Name, id and data of events."""

WITHIN = 60.0


@asynccontextmanager
async def served(
    bench: SyncBench, instance: ServiceNowSimulator, *, most_idle_attempts: int = 5, **changes: Any
) -> AsyncIterator[str]:
    """Serve a gateway and a worker over an instance; the value is the gateway's address."""
    async with (
        running(servicenow=instance) as addresses,
        bench.worker(bench.with_runs(most_idle_attempts=most_idle_attempts)) as worker,
        serving(worker_http(worker)) as worker_url,
        gateway(bench.settings, sync_worker_url=worker_url, **changes) as address,
    ):
        configure(bench, addresses["servicenow"])
        yield address


def parsed(stream: str) -> Told:
    """Return the events of a stream, read here on its own."""
    told = []
    for block in stream.rstrip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        told.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return told


async def test_clients_of_two_libraries_read_the_stream_and_resume(
    bench: SyncBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", httpx2)  # it only names the client's types
    import httpx_sse

    async with (
        served(bench, ServiceNowSimulator(incidents(40))) as address,
        httpx2.AsyncClient(base_url=address, headers=ADMIN, timeout=WITHIN) as http,
    ):
        async with httpx_sse.aconnect_sse(http, "POST", SYNC) as source:
            started: Told = [(one.event, one.id, json.loads(one.data)) async for one in source.aiter_sse()]
        ids = [event_id for _, event_id, _ in started]
        async with http.sse(f"{SYNC}/events", headers={"last-event-id": ids[4]}) as events:
            resumed: Told = [(one.event, one.id, one.json()) async for one in events]
        whole = (await http.get(f"{SYNC}/events")).text

    assert [name for name, _, _ in started] == ["progress"] * 10 + ["complete"]
    assert started == parsed(whole)
    assert resumed == started[5:]


PAGE = """<!doctype html><script>
const told = [];
const source = new EventSource(new URLSearchParams(location.search).get("events"));
for (const name of ["progress", "complete", "error"]) source.addEventListener(name, (event) => {
  if (event.data === undefined) return;  // the browser's own error: the connection broke, it comes back by itself
  told.push([name, event.lastEventId, JSON.parse(event.data)]);
  if (name === "progress") return;
  source.close();
  fetch("/told", {method: "POST", body: JSON.stringify(told)});
});
</script>"""


class CutOnce:
    """Breaks the first stream of events after some chunks, as a proxy that restarts does."""

    def __init__(self, app: ASGIApp, connected: Callable[[], None]) -> None:
        self._app = app
        self._connected = connected
        self.resumed_after: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").endswith("/events"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        self.resumed_after.append(headers.get(b"last-event-id", b"").decode())
        left = 4 if len(self.resumed_after) == 1 else sys.maxsize
        self._connected()

        async def cut(message: Message) -> None:
            nonlocal left
            left -= message["type"] == "http.response.body"
            if left < 0:
                raise ConnectionResetError
            await send(message)

        with contextlib.suppress(ConnectionResetError):
            await self._app(scope, receive, cut)


@asynccontextmanager
async def browser(url: str, profile: Path) -> AsyncIterator[None]:
    """Open a page in a browser without a window."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    process = await asyncio.create_subprocess_exec(
        program,
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}", url),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_browser_reads_a_run_with_a_token_and_comes_back_where_it_was(bench: SyncBench, tmp_path: Path) -> None:
    told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()

    async def tell(request: Request) -> Response:
        told.set_result([tuple(one) for one in await request.json()])
        return Response(status_code=204)

    async def page(_request: Request) -> Response:
        return HTMLResponse(PAGE)

    routes = [Route("/page", page), Route("/told", tell, methods=["POST"])]
    cuts: list[CutOnce] = []

    def around(app: ASGIApp) -> ASGIApp:
        cuts.append(CutOnce(app, connected=instance.faults.clear))
        return cuts[0]

    instance = ServiceNowSimulator(incidents(60))
    instance.faults.add(Fault(kind="hang", seconds=60, times=0))  # until the browser is there
    async with (
        served(bench, instance, most_idle_attempts=1000, routes=routes, around=around) as address,
        httpx2.AsyncClient(base_url=address, headers=ADMIN, timeout=WITHIN) as http,
    ):
        accepted = (await http.post(SYNC, headers={"prefer": "respond-async"})).json()
        query = httpx2.QueryParams({"events": accepted["events"]})
        async with browser(f"{address}/page?{query}", tmp_path), asyncio.timeout(WITHIN):
            found = await told
        whole = (await http.get(f"{SYNC}/events")).text

    assert found == parsed(whole)
    first, *again = cuts[0].resumed_after
    assert first == ""
    assert again[0] in {event_id for _, event_id, _ in found}


NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{}}
http {{
  access_log off; gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {url}; proxy_buffering on; }} }}
}}
"""


@asynccontextmanager
async def nginx(url: str, folder: Path) -> AsyncIterator[str]:
    """Run nginx before a server, buffering and compressing as it does by default; the value is its address."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, url=url))
    process = await asyncio.create_subprocess_exec(
        program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)
    )
    try:
        await eventually(lambda: _listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


class Without:
    """An app whose answers lack a header."""

    def __init__(self, app: ASGIApp, header: bytes) -> None:
        self._app, self._header = app, header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shorn(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [one for one in message["headers"] if one[0] != self._header]
            await send(message)

        await self._app(scope, receive, shorn)


async def _first_event_comes(address: str, *, within: float) -> bool:
    """Tell whether a run's first event is there while the run goes on."""
    text = ""
    async with httpx2.AsyncClient(base_url=address, headers=ADMIN, timeout=WITHIN) as http:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within), http.stream("POST", SYNC) as answer:
                async for chunk in answer.aiter_text():
                    text += chunk
                    if "Fetching incidents" in text:
                        return True
    return False


@pytest.mark.parametrize(
    ("around", "within", "comes"),
    [
        pytest.param(lambda app: app, WITHIN, True, id="as it is"),
        pytest.param(lambda app: Without(app, b"x-accel-buffering"), 1.0, False, id="without the header"),
    ],
)
async def test_events_come_through_a_proxy_that_buffers(
    bench: SyncBench, tmp_path: Path, around: Callable[[ASGIApp], ASGIApp], within: float, comes: bool
) -> None:
    instance = ServiceNowSimulator(incidents(3))
    instance.faults.add(Fault(kind="hang", seconds=60, times=0))  # the run neither goes on nor ends
    async with (
        served(bench, instance, most_idle_attempts=1000, around=around) as address,
        nginx(address, tmp_path) as proxy,
    ):
        found = await _first_event_comes(proxy, within=within)

    assert found == comes
