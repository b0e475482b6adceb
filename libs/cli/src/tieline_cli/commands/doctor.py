"""`tieline doctor`."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from tieline_cli.commands.options import tell

_MARKS = {"good": "✓", "doubtful": "!", "bad": "✗", "skipped": "–"}


def doctor(
    *,
    gateway: Annotated[
        str, typer.Option(envvar="TIELINE_GATEWAY_URL", help="Where the gateway is.")
    ] = "http://127.0.0.1:8400",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for machines.")] = False,
) -> None:
    """Look at a deployment from outside and say what to do; exit with 1 when something does not work.

    Looks at Kafka and its topics, MongoDB and its indexes, the services, the keys in this environment, the clocks.
    Reads where they are from the same environment variables as the services do.
    """
    from tieline.settings import load  # noqa: PLC0415 - aiokafka takes half a second to import

    from tieline_cli.doctor.examination import DoctorSettings, examine  # noqa: PLC0415

    findings = asyncio.run(examine(load(DoctorSettings), gateway=gateway.rstrip("/")))
    if as_json:
        tell(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            tell(f"{_MARKS[finding.verdict]} {finding.about}: {finding.told}")
            if finding.remedy:
                tell(f"    → {finding.remedy}")
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)
