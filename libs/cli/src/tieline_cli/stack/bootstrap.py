"""The workspace that a local stack starts with."""

import asyncio

from tieline.settings import KafkaSettings

from tieline_cli.workspaces import create_workspace

DEMO_ORG = "org-acme-corp"
_NAME = "Acme Corp"


def ensure_workspace(settings: KafkaSettings, *, api_key: str) -> str:
    """Return the id of the demo workspace, created with `api_key` when it is not there. Safe to repeat."""
    workspace = asyncio.run(create_workspace(settings, slug=DEMO_ORG, name=_NAME, api_key=api_key))
    return workspace.id
