"""A demo that did not happen says so."""

from io import StringIO

from rich.console import Console
from tieline_cli.demo.gateway import Gateway
from tieline_cli.demo.journey import Journey
from tieline_cli.demo.runner import STEPS, do_steps
from tieline_cli.processes.ports import free_port
from tieline_cli.processes.program import LOOPBACK


def test_a_step_that_fails_ends_the_demo_with_its_reason() -> None:
    shown = StringIO()
    gateway = Gateway(f"http://{LOOPBACK}:{free_port()}", org="org", workspace_id="w", api_key="k")
    journey = Journey(console=Console(file=shown), gateway=gateway, simulators={})

    happened = do_steps(journey)

    gateway.close()
    assert not happened
    assert "✗ ConnectError" in shown.getvalue()
    assert STEPS[1].title not in shown.getvalue()
