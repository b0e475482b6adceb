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


@app.command()
def rotate() -> None:
    """Wrap every workspace's data key by the newest master key, while everything runs. Safe to repeat and to kill.

    Asks the registry named by TIELINE_INTERNAL__REGISTRY_URL, with TIELINE_INTERNAL__TOKEN.
    """
    from tieline.settings import ServiceSettings, load  # noqa: PLC0415 - only this command needs a deployment's settings

    from tieline_cli.rotation import rotate_keys  # noqa: PLC0415 - its imports are slow

    rotate_keys(load(ServiceSettings).internal, tell)
