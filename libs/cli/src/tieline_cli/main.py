"""The command `tieline`."""

import sys

from tieline.errors import TielineError

from tieline_cli.commands import app
from tieline_cli.errors import CliError
from tieline_cli.stack.supervisor import StopRequested


def main() -> None:
    """Run the command; what goes wrong on purpose is one message on standard error and exit code 1."""
    try:
        app()
    except (CliError, TielineError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    except (KeyboardInterrupt, StopRequested):
        sys.exit(130)  # 128 + SIGINT, as shells tell it
