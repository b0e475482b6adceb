"""Rotating master keys: the registry does the work, page by page, until nothing is left."""

import asyncio
from collections.abc import Callable

from tieline.errors import TielineError
from tieline.registry_client import RegistryClient, Rotation
from tieline.settings import InternalSettings

from tieline_cli.errors import KeysNotRotatedError


def rotate_keys(settings: InternalSettings, tell: Callable[[str], None]) -> None:
    """Re-wrap all data keys and tell how it goes. Raises KeysNotRotatedError when not all of them could be."""
    rotation = asyncio.run(_rotate(settings, tell))
    tell(f"all data keys are wrapped by {rotation.active_kid}")
    if rotation.unopenable:
        raise KeysNotRotatedError(
            f"{rotation.unopenable} data keys open with no key of the ring; add the key that wrapped them"
        )


async def _rotate(settings: InternalSettings, tell: Callable[[str], None]) -> Rotation:
    async with RegistryClient(settings) as registry:
        while True:
            try:
                rotation = await registry.rotate_keys()
            except TielineError as error:
                raise KeysNotRotatedError(f"the registry at {settings.registry_url} did not rotate: {error}") from error
            tell(f"{rotation.rewrapped} wrapped anew, {rotation.remaining} remaining")
            if rotation.remaining <= rotation.unopenable:
                return rotation
