"""Sessions for connectors whose integrations have a key that stays as it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

from tieline.clock import Clock
from tieline.outgoing import HostClients
from tieline.settings import OutgoingSettings
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.handlers.tokens import Tokens

from tests.unit.sync.connectors.support import clock


class _NoTokens:
    """No key that is tested here is exchanged for a token."""


@asynccontextmanager
async def sessions(now: Clock = clock) -> AsyncIterator[Sessions]:
    """Sessions that may call stand-ins on loopback."""
    settings = OutgoingSettings(timeout=timedelta(seconds=2), allow_http=True, dangerous_allow_private_addresses=True)
    async with HostClients(settings) as http:
        yield Sessions(http, cast("Tokens", _NoTokens()), now, apps={})
