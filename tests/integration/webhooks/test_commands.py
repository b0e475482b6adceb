"""The commands that operators have for webhooks and events, against a router and its broker."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass

from tests.support.registry_stub import WORKSPACE
from tests.support.router_world import (
    KEY,
    RouterWorld,
    a_pagerduty_incident,
    a_sentry_issue,
    signed_pagerduty,
    signed_sentry,
)
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    error: str


async def tieline(world: RouterWorld, *words: str) -> Said:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tieline_cli", *words),
        env={
            **os.environ,
            **world.environment,
            "TIELINE_GATEWAY_URL": world.router.address,
            "TIELINE_WORKSPACE": WORKSPACE,
            "TIELINE_API_KEY": KEY,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    return Said(process.returncode or 0, out.decode(), error.decode())


async def test_refused_webhooks_are_listed_judged_again_and_taken_in(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    genuine, forged = a_sentry_issue("1"), a_sentry_issue("2")
    assert (await world.post("sentry", genuine, signed_sentry(genuine, secret="new"))).status_code == 401
    assert (await world.post("sentry", forged, signed_sentry(forged, secret="nobody's"))).status_code == 401

    async def both() -> list[dict[str, str]]:
        listed: list[dict[str, str]] = json.loads((await tieline(world, "quarantine", "list", "--json")).out)
        return listed if len(listed) == 2 else []

    newest, oldest = [each["id"] for each in await eventually(both, within=60, every=0.5)]
    table = await tieline(world, "quarantine", "list", "--most", "1")
    before = await tieline(world, "quarantine", "reverify", "--all")
    sentry = await world.integrate("sentry", {"config.webhook_secret": "new"})
    await world.save(sentry.model_copy(update={"revision": 2}), world.registry.secrets[sentry.id])

    async def one_is_genuine() -> bool:
        return (await tieline(world, "quarantine", "reverify", oldest)).code == 0

    await eventually(one_is_genuine, within=60, every=0.2)
    taken = await tieline(world, "quarantine", "replay", "--all")
    await world.settled(1)
    unknown = await tieline(world, "quarantine", "replay", "no-such-entry")
    nothing = await tieline(world, "quarantine", "replay")

    assert newest in table.out
    assert oldest not in table.out
    assert "TypeError" not in table.out
    assert (before.code, "0 genuine, 2 refused" in before.out) == (1, True)
    assert (taken.code, f"{oldest}  taken in" in taken.out) == (1, True)
    assert f"{newest}  refused: signature_mismatch" in taken.out
    assert [each["id"] for each in json.loads((await tieline(world, "quarantine", "list", "--json")).out)] == [newest]
    assert (unknown.code, "404" in unknown.out) == (1, True)
    assert (nothing.code, "--all" in nothing.error) == (2, True)


async def test_events_are_shown_as_they_come(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    body = a_sentry_issue("1", title="Rewritten\u001b[2J line")
    agent = (await world.routed("sentry", body, signed_sentry(body))).json()["agentId"]
    resolved = a_sentry_issue("1", action="resolved")
    await world.routed("sentry", resolved, signed_sentry(resolved))
    incident = a_pagerduty_incident()
    await world.settled(1)

    tail = ("events", "tail", "--minutes", "10", "--count", "1")
    line = await tieline(world, *tail, "--pattern", "sentry.*.created")
    handed = await tieline(world, *tail, "--agent", agent, "--pattern", "**.resolved", "--json")
    following = asyncio.create_task(tieline(world, *tail, "--pattern", "incident.*", "--json"))
    await world.post("pagerduty", incident, signed_pagerduty(incident))
    followed = json.loads((await following).out)
    wrong = await tieline(world, *tail, "--pattern", "sentry..created")

    assert line.out.split()[1:4] == ["sentry.issue.created", "error", "storefront"]
    assert "\u001b" not in line.out
    assert "https://acme.sentry.io/issues/1" in line.out
    told = json.loads(handed.out)
    assert (told["type"], told["agentid"], told["data"]["action"]) == ("sentry.issue.resolved", agent, "resolved")
    assert (followed["type"], followed["workspaceid"]) == ("incident.triggered", WORKSPACE)
    assert (wrong.code, "position 7" in wrong.error) == (1, True)
