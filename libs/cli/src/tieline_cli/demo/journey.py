"""What the steps share: the gateway, what was learned so far, and how it is shown and checked."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rich.console import Console

from tieline_cli.demo.gateway import Gateway
from tieline_cli.errors import StepFailedError

Found = TypeVar("Found")

_POLL_SECONDS = 0.02


@dataclass(slots=True, kw_only=True)
class Journey:
    """One run of the demo. `run` is random, so that a second run on the same data is not taken for a repetition."""

    console: Console
    gateway: Gateway
    simulators: dict[str, str]
    run: str = field(default_factory=lambda: secrets.token_hex(16))
    webhook_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    summary: list[tuple[str, str, str]] = field(default_factory=list)
    """Rows of the closing table: what, result, how long."""
    integration_ids: dict[str, str] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Show what is happening."""
        self.console.print(f"   {text}", highlight=False, markup=False, soft_wrap=True)

    def check(self, holds: object, claim: str) -> None:
        """Show that `claim` holds. Raises StepFailedError when it does not."""
        if not holds:
            raise StepFailedError(f"this should hold, and does not: {claim}")
        self.console.print("   [green]✓[/green] ", end="")
        self.console.print(claim, highlight=False, markup=False, soft_wrap=True)

    def shown(self, fact: str) -> None:
        """Show a fact that was checked by getting here."""
        self.check(True, fact)

    def until(self, question: Callable[[], Found | None], what: str, *, seconds: float) -> Found:
        """Ask until there is an answer. Raises StepFailedError after `seconds`."""
        deadline = time.monotonic() + seconds
        while (found := question()) is None:
            if time.monotonic() > deadline:
                raise StepFailedError(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(_POLL_SECONDS)
        return found

    def remember(self, what: str, result: str, took: str = "") -> None:
        """Add a row to the closing table."""
        self.summary.append((what, result, took))

    def path(self, rest: str) -> str:
        """Return the workspace's path on surface E."""
        return f"/v1/{self.gateway.workspace_id}/{rest}"

    def configure(self, integration: str, config: dict[str, Any]) -> None:
        """Set up an integration through surface C."""
        body = {"integration": integration, "config": config}
        answer = self.gateway.call("C", "POST", "/api/integrations/configure", body=body)
        self.check(
            answer.body["status"] == "active", f"{integration} is configured and active ({answer.milliseconds:.0f} ms)"
        )
