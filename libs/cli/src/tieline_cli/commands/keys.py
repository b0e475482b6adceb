"""`tieline keys`: the secrets an installation needs."""

from typing import Annotated

import typer
from tieline.clock import system_clock

from tieline_cli.commands.options import tell

app = typer.Typer(help="The secrets that an installation needs.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Hold the sub-commands, also while there is one."""


@app.command()
def generate(
    *,
    kid: Annotated[str | None, typer.Option(help="Id of the new keys; today's date when left out.")] = None,
    kubernetes: Annotated[bool, typer.Option("--kubernetes", help="As Secrets for `kubectl apply -f -`.")] = False,
    namespace: Annotated[str, typer.Option(help="Where the Secrets belong.")] = "tieline",
) -> None:
    """Print fresh keys as environment variables. Keep them in a secret store: they are shown once.

    To rotate, see docs/runbooks/rotate-keys.md: an old key stays in its ring until nothing needs it any more.
    """
    from tieline_cli.keys import SystemKeys, key_id  # noqa: PLC0415 - cryptography is slow to import

    made = SystemKeys.generate(kid or key_id(system_clock().date()))
    if kubernetes:
        tell(made.as_manifests(namespace))
        return
    for name, value in made.as_environment().items():
        tell(f"{name}={value}")
