"""The table that the demo ends with."""

from rich.table import Table

from tieline_cli.demo.journey import Journey

_NEXT = """Where to look next
  make run                        the same stack, to stay; prints address, key, a first curl
  README.md                       first five minutes with curl
  docs/architecture.md            how it works, why nothing is lost
  libs/cli/src/tieline_cli/demo   this demo, step by step"""


def show_summary(journey: Journey, *, succeeded: bool, seconds: float) -> None:
    """Show what happened, or how far it came."""
    table = Table(title="What happened", title_justify="left", header_style="bold")
    for heading in ("what", "result", "measured"):
        table.add_column(heading, overflow="fold")
    for row in journey.summary:
        table.add_row(*row)
    journey.console.print()
    journey.console.print(table)
    if succeeded:
        journey.console.print(
            f"\nAll of it happened, in {seconds:.0f} s; everything is stopped again.\n", highlight=False
        )
        journey.console.print(_NEXT, highlight=False, markup=False)
