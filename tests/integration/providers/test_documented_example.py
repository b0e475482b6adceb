"""The example in `docs/endpoint-pipeline.md` does what the page says."""

import json
import re
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

from tests.integration.providers.endpoints import run
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack
from tests.support.scripted_server import ScriptedServer

PAGE = Path(__file__).resolve().parents[3] / "docs" / "endpoint-pipeline.md"
BLOCKS: dict[str, Any] = {
    name: json.loads(text) for name, text in re.findall(r"```json (\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
}


def test_the_example_runs_as_written(asker: Caller, providers: ProviderStack) -> None:
    shop = ScriptedServer(always=lambda _: JSONResponse(BLOCKS["answer"]))
    with providers.serve(shop) as address:
        integration = {**BLOCKS["integration"], "base_url": f"{address}/v2"}
        created = asker.http.post(asker.v1("integrations"), json=integration)
        shown = run(asker, created.json()["id"], "find-orders", **BLOCKS["params"])

    [received] = shop.received
    assert created.status_code == 201
    assert shown.pop("duration_ms") > 0
    assert shown == BLOCKS["result"]
    assert (received.method, received.path, received.body) == tuple(
        BLOCKS["request"][name] for name in ("method", "path", "body")
    )
    assert BLOCKS["request"]["headers"].items() <= received.headers.items()
