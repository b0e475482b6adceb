"""The commands: each reads its options, calls the work, shows the outcome."""

import typer

from tieline_cli.commands import (
    dead_letters,
    deliveries,
    demo,
    doctor,
    events,
    keys,
    ledger,
    quarantine,
    stack,
    topics,
    workspaces,
)

app = typer.Typer(
    name="tieline",
    help="One integration plane: registry, syncs, webhook router.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.logs)
app.command()(demo.demo)
app.command()(doctor.doctor)
app.command()(ledger.ledger)
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(events.app, name="events")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(topics.app, name="topics")
app.add_typer(keys.app, name="keys")
app.add_typer(workspaces.app, name="workspaces")
