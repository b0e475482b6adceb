"""SIGTERM: readiness goes first, requests are still taken for a while, those in hand are finished, then it ends."""

import asyncio
import signal
import sys
from pathlib import Path

import httpx2
from tieline_cli.processes.ports import free_port

from tests.support.waiting import eventually

_SERVICE = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tieline.service.health import Health
from tieline.service.run import serve
from tieline.settings import HttpSettings

async def held(request):
    while not Path(sys.argv[2]).exists():
        await asyncio.sleep(0.01)
    return PlainTextResponse("finished")

health = Health({})
app = Starlette(routes=[Route("/held", held), *health.routes()])
http = HttpSettings(port=int(sys.argv[1]), linger=timedelta(minutes=5), drain=timedelta(minutes=5))
serve(app, http=http, health=health)
"""
_SECONDS = 60.0


async def test_readiness_goes_first_and_what_is_in_hand_is_finished(tmp_path: Path) -> None:
    address, go = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "go"
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", _SERVICE, str(port), str(go))
    async with httpx2.AsyncClient(base_url=address, timeout=_SECONDS, trust_env=False) as http:

        async def says(path: str, status: int) -> bool:
            try:
                return (await http.get(path)).status_code == status
            except httpx2.HTTPError:
                return False

        async def refuses() -> bool:
            async with httpx2.AsyncClient(base_url=address, trust_env=False) as another:
                try:
                    await another.get("/healthz")
                except httpx2.ConnectError:
                    return True
                except httpx2.TransportError:
                    return False  # taken just before, and closed
                return False

        try:
            await eventually(lambda: says("/readyz", 200), within=_SECONDS)
            in_hand = asyncio.create_task(http.get("/held"))
            await eventually(lambda: says("/readyz/traffic", 200))

            service.send_signal(signal.SIGTERM)
            await eventually(lambda: says("/readyz", 503), within=_SECONDS)
            lingering = await http.get("/healthz")
            why = (await http.get("/readyz")).json()
            traffic = await http.get("/readyz/traffic")

            service.send_signal(signal.SIGTERM)  # enough lingering
            await eventually(refuses, within=_SECONDS)
            still_waiting = not in_hand.done()
            go.touch()
            finished = await in_hand
            async with asyncio.timeout(_SECONDS):
                ended = await service.wait()
        finally:
            if service.returncode is None:
                service.kill()
                await service.wait()

    assert why == {"status": "not ready", "missing": {"process": "shutting down"}}
    assert (lingering.status_code, lingering.headers["connection"]) == (200, "close")
    assert traffic.status_code == 503
    assert still_waiting
    assert (finished.status_code, finished.text) == (200, "finished")
    assert ended in {0, -signal.SIGTERM}
