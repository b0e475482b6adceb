"""Errors of the sync worker.

* SyncError
  - TransientError
    . ProviderUnavailableError    no answer, 5xx, a broken answer: tried again within the retry budget
    . ProviderRateLimitedError    429: waited for, outside the retry budget
    . LeaseLostError              another worker has the run now: drop it, write nothing more
  - PermanentError                the run fails; the message says what to do
    . RunRefusedError             the run can't start (no such integration, disabled, provider without connector)
    . MissingConfigurationError   what the connector needs is not configured
    . ProviderRefusedError        403, 404, 400: somebody has to change something
      ProviderCredentialsError    401: the credentials do not work, or not any more
    . DatasetMovedError           the dataset was rolled back meanwhile
    . RateLimitTooLongError       the provider asks for a longer wait than a run may take
    . RunActiveError, VersionNotFoundError, RunNotFoundError, InvalidScheduleError   refusals to callers
"""

from datetime import datetime, timedelta

from tieline.errors import PermanentError, TransientError


class ProviderUnavailableError(TransientError):
    """The provider did not give a usable answer; `reason` is fit for the person who started the sync."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderRateLimitedError(TransientError):
    """The provider asks to come back later."""

    def __init__(self, service: str, retry_after: timedelta) -> None:
        super().__init__(f"{service} asks to wait {retry_after.total_seconds():g} s (rate limit)")
        self.wait = self.retry_after = retry_after


class LeaseLostError(TransientError):
    """The run belongs to another worker, or is over."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} is no longer ours")
        self.run_id = run_id


class RunRefusedError(PermanentError):
    """The run cannot be done as things are configured; the message is shown to the caller as it is."""


class MissingConfigurationError(PermanentError):
    """Facts that the connector needs are missing; the message names them."""


class ProviderRefusedError(PermanentError):
    """The provider understood and refused; `reason` says what to change."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderCredentialsError(ProviderRefusedError):
    """The provider does not accept the credentials, also after they were renewed where they can be."""


class RunActiveError(PermanentError):
    """What was asked for is not possible while a run is under way."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} is under way; wait for it or cancel it")
        self.run_id = run_id


class VersionNotFoundError(PermanentError):
    """No such dataset version, or it is past its retention."""

    def __init__(self, version: int) -> None:
        super().__init__(f"there is no dataset version {version}")
        self.version = version


class RunNotFoundError(PermanentError):
    """No such run in this workspace, or it is past its retention."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run {run_id}")
        self.run_id = run_id


class InvalidScheduleError(PermanentError):
    """A schedule that cannot be followed; the message says why."""


class DatasetMovedError(PermanentError):
    """The dataset was rolled back while the run was under way, so what it built on is not the present state."""

    def __init__(self) -> None:
        super().__init__("The dataset was rolled back while this sync ran. Start the sync again")


class RateLimitTooLongError(PermanentError):
    """The provider asks for a longer wait than a run may take."""

    def __init__(self, service: str, until: datetime) -> None:
        super().__init__(f"{service}'s rate limit lasts until {until:%Y-%m-%d %H:%M} UTC. Start the sync again then")
        self.until = until
