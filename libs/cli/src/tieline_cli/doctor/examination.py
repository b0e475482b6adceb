"""The whole examination."""

import asyncio
from datetime import timedelta

from pydantic import SecretStr
from tieline.clock import system_clock
from tieline.settings import MongoSettings, ServiceSettings

from tieline_cli.doctor import kafka, keys, mongo, services
from tieline_cli.doctor.findings import Finding, bad

LONGEST = timedelta(seconds=60)


class DoctorSettings(ServiceSettings):
    """What of a deployment's settings is looked at from outside."""

    mongo: MongoSettings = MongoSettings(url=SecretStr("mongodb://127.0.0.1:27017"))


async def examine(settings: DoctorSettings, *, gateway: str) -> list[Finding]:
    """Look at everything side by side, within `LONGEST`."""
    internal = settings.internal
    addresses = {
        "gateway": gateway,
        "registry": internal.registry_url,
        "sync-worker": internal.sync_worker_url,
        "webhook-router": internal.webhook_router_url,
    }
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            parts = await asyncio.gather(
                kafka.examine(settings.kafka),
                mongo.examine(settings.mongo, clock=system_clock),
                services.examine(addresses, internal, clock=system_clock),
            )
    except TimeoutError:
        return [bad("doctor", f"not done after {LONGEST.total_seconds():.0f} s", "Look at the network between us.")]
    return [finding for part in parts for finding in part] + keys.examine()
