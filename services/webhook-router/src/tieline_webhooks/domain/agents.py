"""Agents: the logical consumers that routed events are meant for, one per workspace and project."""

from functools import lru_cache
from hashlib import sha256

REMEMBERED = 65_536


@lru_cache(maxsize=REMEMBERED)
def agent_id(workspace_id: str, project: str | None) -> str:
    """Return the agent of a project, the same for ever; events without a project share one per workspace."""
    digest = sha256(f"{workspace_id}\0{project or ''}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"agent-incident-{digest[:12]}"
