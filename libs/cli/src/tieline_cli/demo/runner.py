"""Runs the demo's steps on a stack of its own, in order, and says what came of each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2
from rich.console import Console

from tieline_cli.demo import key_steps, registry_steps, sync_steps, webhook_steps
from tieline_cli.demo.gateway import Gateway
from tieline_cli.demo.journey import Journey
from tieline_cli.demo.summary import show_summary
from tieline_cli.errors import StepFailedError
from tieline_cli.stack.plan import StackPlan
from tieline_cli.stack.supervisor import Supervisor
from tieline_cli.stack.up import bring_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to show. `act` raises StepFailedError when it did not really happen."""

    title: str
    act: Callable[[Journey], None]


STEPS: Sequence[Step] = (
    Step(title="Save a Sentry integration; every surface shows it", act=registry_steps.save_sentry),
    Step(title="Configure senders and channels", act=registry_steps.configure_senders_and_channels),
    Step(title="Route events to channels", act=registry_steps.create_routes),
    Step(title="A Sentry webhook becomes a Slack message", act=webhook_steps.deliver_sentry),
    Step(title="A PagerDuty webhook becomes a Discord message", act=webhook_steps.deliver_pagerduty),
    Step(title="Repeated webhooks deliver nothing more", act=webhook_steps.repeat_webhooks),
    Step(title="Forged webhooks are refused", act=webhook_steps.refuse_forged_webhooks),
    Step(title="Create a ServiceNow integration", act=sync_steps.create_servicenow),
    Step(title="Sync its incidents, live", act=sync_steps.sync_incidents),
    Step(title="A second sync finds nothing new", act=sync_steps.sync_again),
    Step(title="API keys: issue, use, revoke", act=key_steps.use_api_keys),
    Step(title="Strangers are refused", act=key_steps.refuse_strangers),
)


def run(plan: StackPlan, console: Console) -> bool:
    """Start a stack, do every step, stop the stack; return whether all of them happened.

    Raises what starting a stack raises, and StopRequested on Ctrl-C; the stack is stopped then as well.
    """
    began = time.monotonic()
    supervisor = Supervisor(plan.folder, lambda line: console.print(f"   {line}", highlight=False, markup=False))
    with supervisor.supervising():
        _title(console, 1, "Start Kafka, MongoDB, the simulated providers and the four services")
        endpoints = bring_up(plan, supervisor)
        gateway = Gateway(
            endpoints.gateway, org=endpoints.org, workspace_id=endpoints.workspace_id, api_key=endpoints.api_key
        )
        journey = Journey(console=console, gateway=gateway, simulators=endpoints.simulators)
        journey.remember("Stack started", "broker, database, 4 services", f"{time.monotonic() - began:.1f} s")
        try:
            done = supervisor.run_aside(lambda: do_steps(journey))
        finally:
            gateway.close()
    show_summary(journey, succeeded=done, seconds=time.monotonic() - began)
    return done


def do_steps(journey: Journey) -> bool:
    """Do every step in order; return whether all happened. The first that did not ends it, with its reason shown."""
    for number, step in enumerate(STEPS, start=2):
        _title(journey.console, number, step.title)
        try:
            step.act(journey)
        except (StepFailedError, httpx2.HTTPError, LookupError, TypeError, ValueError) as error:  # also odd answers
            journey.console.print("   [red]✗[/red] ", end="")
            journey.console.print(_told(error), highlight=False, markup=False, soft_wrap=True)
            return False
    return True


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, StepFailedError) else f"{type(error).__name__}: {error}"


def _title(console: Console, number: int, title: str) -> None:
    console.print(f"\n[bold]{number:>2}. {title}[/bold]", highlight=False)
