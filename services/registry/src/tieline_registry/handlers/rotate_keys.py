"""Re-wrapping the workspaces' data keys by the active master key, while everything goes on.

Only the wrapping changes: data keys, and the secrets under them, stay as they are. A key that is wrapped by the active
master key already is left alone, so a rotation that was killed goes on where it stopped, and several at once are one.
"""

import logging
from typing import Final

from tieline.registry_client import Rotation
from tieline.secrets.envelope import UndecryptableError

from tieline_registry.domain.state import WrappedKey
from tieline_registry.handlers.ports import KeyStore, KeyWrapper

STEP: Final = 200  # workspaces read at once

log = logging.getLogger(__name__)


class RotateKeys:
    """Re-wraps data keys."""

    def __init__(self, *, store: KeyStore, wrapper: KeyWrapper) -> None:
        self._store = store
        self._wrapper = wrapper

    async def __call__(self, *, limit: int) -> Rotation:
        """Re-wrap up to `limit` data keys. Raises DatabaseUnavailableError; what is done until then stays done.

        A key whose master key has left the ring is passed over and counted; nothing under it can be opened any more.
        """
        active = self._wrapper.active_kid
        rewrapped = unopenable = 0
        last: str | None = None
        while rewrapped < limit:
            outdated = await self._store.keys_not_under(active, after=last, limit=min(STEP, limit - rewrapped))
            if not outdated:
                break
            pairs = [(identity, key, self._rewrapped(identity, key)) for identity, key in outdated.items()]
            opened = [(identity, old, new) for identity, old, new in pairs if new is not None]
            await self._store.replace_keys(opened)
            rewrapped += len(opened)
            unopenable += len(pairs) - len(opened)
            last = max(outdated)
        remaining = await self._store.count_keys_not_under(active)
        return Rotation(active_kid=active, rewrapped=rewrapped, remaining=remaining, unopenable=unopenable)

    def _rewrapped(self, workspace_id: str, key: WrappedKey) -> WrappedKey | None:
        try:
            return self._wrapper.rewrapped(key, workspace_id)
        except UndecryptableError:
            log.error(  # noqa: TRY400 - which key is missing is all there is to say
                "a data key's master key is not in the ring",
                extra={"workspace_id": workspace_id, "master_kid": key.wrapped.kid},
            )
            return None
