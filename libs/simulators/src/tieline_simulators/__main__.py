"""Runs stand-ins in one process: `python -m tieline_simulators --slack-port 0 --servicenow-port 8081`.

Prints one JSON line, name to address, once all listen; ends with 0 on SIGTERM or SIGINT. Without any port option all
stand-ins run on free ports.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
import uvloop

from tieline_simulators.discord import DiscordSimulator
from tieline_simulators.github import GitHubSimulator
from tieline_simulators.jira import JiraSimulator
from tieline_simulators.linear import LinearSimulator
from tieline_simulators.pagerduty import PagerDutySimulator
from tieline_simulators.sentry import SentrySimulator
from tieline_simulators.servicenow import ServiceNowSimulator, generated_incidents, incidents_from_event_log
from tieline_simulators.servicenow.event_log import EventLogError
from tieline_simulators.servicenow.simulator import INCIDENTS
from tieline_simulators.serving import StandInStartError, running
from tieline_simulators.slack import SlackSimulator
from tieline_simulators.stand_in import LOOPBACK, InvalidConfigurationError, StandIn
from tieline_simulators.telegram import TelegramSimulator
from tieline_simulators.webhook import WebhookSimulator
from tieline_simulators.whatsapp import WhatsAppSimulator


def _servicenow(options: argparse.Namespace) -> StandIn:
    if options.servicenow_csv is None:
        return ServiceNowSimulator(generated_incidents(options.servicenow_incidents))
    return ServiceNowSimulator(incidents_from_event_log(options.servicenow_csv, rows_are=options.servicenow_csv_rows))


STAND_INS: Mapping[str, Callable[[argparse.Namespace], StandIn]] = {
    "slack": lambda _: SlackSimulator(),
    "discord": lambda _: DiscordSimulator(),
    "servicenow": _servicenow,
    "pagerduty": lambda options: PagerDutySimulator(incidents=options.pagerduty_incidents),
    "telegram": lambda _: TelegramSimulator(),
    "whatsapp": lambda _: WhatsAppSimulator(),
    "webhook": lambda options: WebhookSimulator(secrets=options.webhook_secret),
    "sentry": lambda options: SentrySimulator(issues=options.issues),
    "linear": lambda options: LinearSimulator(issues=options.issues),
    "jira": lambda options: JiraSimulator(issues=options.issues),
    "github": lambda options: GitHubSimulator(issues=options.issues),
}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    command = argparse.ArgumentParser(prog="python -m tieline_simulators", description=__doc__)
    command.add_argument("--host", default=LOOPBACK, help="address to listen on (default: %(default)s)")
    for name in STAND_INS:
        command.add_argument(f"--{name}-port", type=int, metavar="PORT", help="0 takes a free port")
    command.add_argument(
        "--servicenow-incidents", type=int, default=INCIDENTS, help="made-up incidents (default: %(default)s)"
    )
    command.add_argument("--servicenow-csv", type=Path, help="an incident event log to serve instead, .csv or .csv.gz")
    command.add_argument(
        "--servicenow-csv-rows",
        choices=("events", "incidents"),
        default="events",
        help="a record for each line of the log, or for each incident as it was last (default: %(default)s)",
    )
    command.add_argument("--pagerduty-incidents", type=int, default=60, help="made-up incidents (default: %(default)s)")
    command.add_argument(
        "--issues", type=int, default=60, help="made-up issues in Sentry, Linear, Jira and GitHub each (default: 60)"
    )
    command.add_argument(
        "--webhook-secret", action="append", default=[], help="whsec_…, to verify what the webhook receiver is sent"
    )
    return command


async def serve(options: argparse.Namespace) -> None:
    """Run until told to stop."""
    given = {name: getattr(options, f"{name}_port") for name in STAND_INS}
    ports = {name: port for name, port in given.items() if port is not None} or dict.fromkeys(STAND_INS, 0)
    stand_ins = {name: STAND_INS[name](options) for name in ports}
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(host=options.host, ports=ports, **stand_ins) as addresses:
        sys.stdout.write(orjson.dumps(addresses).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the process's exit status."""
    try:
        options = parser().parse_args(arguments)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(options))
    except (StandInStartError, EventLogError, InvalidConfigurationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
