"""The four services: ready, agreed about their token, their clocks ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
from tieline.clock import Clock
from tieline.errors import RegistryUnavailableError
from tieline.registry_client import RegistryClient, RegistryRefusedError
from tieline.settings import InternalSettings

from tieline_cli.doctor.findings import Finding, bad, doubtful, good, skipped
from tieline_cli.doctor.mongo import FURTHEST_CLOCK

_SECONDS = 5.0


async def examine(addresses: Mapping[str, str], internal: InternalSettings, *, clock: Clock) -> list[Finding]:
    """Look at each service at its address, then ask the registry with the shared token."""
    found: list[Finding] = []
    async with httpx2.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
        for name, address in addresses.items():
            found += await _service(http, name, address, clock)
    return [*found, await _token(internal)]


async def _service(http: httpx2.AsyncClient, name: str, address: str, clock: Clock) -> list[Finding]:
    try:
        answer = await http.get(f"{address}/readyz")
    except httpx2.HTTPError as error:
        remedy = "Start it, or say where it is (TIELINE_INTERNAL__…_URL, --gateway); its log says why it ended."
        return [bad(name, f"nothing answers at {address}: {type(error).__name__}", remedy)]
    apart = _apart(answer, clock())
    clocks = (
        [doubtful(f"clock of {name}", f"{apart:.0f} s from ours", "Let every machine follow one time server (NTP).")]
        if apart > FURTHEST_CLOCK
        else []
    )
    if answer.status_code == httpx2.codes.OK:
        return [good(name, f"ready at {address}"), *clocks]
    missing = answer.json().get("missing", {}) if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE else {}
    told = "; ".join(f"{what}: {why}" for what, why in missing.items()) or f"it answers {answer.status_code}"
    return [bad(name, f"not ready at {address}. {told}", "Mend what it misses; it goes on by itself then."), *clocks]


def _apart(answer: httpx2.Response, now: datetime) -> float:
    """Return the seconds between two clocks, as far as an answer's date, told in whole seconds, shows."""
    try:
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return 0.0
    return max(abs((now - theirs.astimezone(UTC)).total_seconds()) - 1.0, 0.0)


async def _token(internal: InternalSettings) -> Finding:
    if not internal.token.get_secret_value():
        return skipped("token", "TIELINE_INTERNAL__TOKEN is not in this environment")
    async with RegistryClient(internal) as registry:
        try:
            await registry.resolve_key("tl_asked_by_the_doctor")
        except RegistryRefusedError:
            remedy = "Give every service the same TIELINE_INTERNAL__TOKEN and start it again."
            return bad("token", "the registry refuses TIELINE_INTERNAL__TOKEN", remedy)
        except RegistryUnavailableError as error:
            return bad("token", str(error), "See what the registry misses, above.")
    return good("token", "the registry takes it")
