"""The workspace that a local stack starts with."""

import asyncio
import http.client

from tieline.operator import create_workspace
from tieline.settings import KafkaSettings

from tieline_cli.processes.program import LOOPBACK
from tieline_cli.stack.plan import StackPlan
from tieline_cli.stack.secrets import StackSecrets

DEMO_ORG = "org-acme-corp"
_NAME = "Acme Corp"
_KEY_NAME = "tieline up"
_SECONDS = 15.0


def ensure_workspace(plan: StackPlan, kafka: KafkaSettings, secrets: StackSecrets) -> tuple[str, str]:
    """Return the id of the demo workspace and an API key that works in it; both are made when they are not there.

    The folder's key is kept as long as it works; it does not on another database. Raises as `create_workspace` does.
    """
    known = secrets.api_key if secrets.api_key is not None and _works(plan, secrets.api_key) else None
    made = asyncio.run(create_workspace(kafka, slug=DEMO_ORG, name=_NAME, key_name=_KEY_NAME, new_key=known is None))
    api_key = made.api_key or known
    assert api_key is not None, "a key was asked for"  # noqa: S101 - create_workspace promises it
    if api_key != secrets.api_key:
        secrets.with_api_key(api_key, plan.folder)
    return made.workspace_id, api_key


def _works(plan: StackPlan, api_key: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, plan.ports.services["gateway"], timeout=_SECONDS)
    try:
        connection.request("GET", "/integrations/all?limit=1", headers={"authorization": f"Bearer {api_key}"})
        return connection.getresponse().status == http.client.OK
    finally:
        connection.close()
