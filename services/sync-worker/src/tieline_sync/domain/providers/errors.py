"""Why a call to a provider gave no answer.

* ProviderCallError
  - NotConfiguredError          what the call needs is not configured
  - CallInputError              the parameters are not what the endpoint takes; nothing was sent
  - UnknownError                no such integration or endpoint
  - UpstreamError               the provider did not answer as it should
    . RateLimitedError          it asks to come back later
    . CredentialsRefusedError   it does not accept the credentials

Texts are shown to callers: they hold no secret, and of what a provider said a line at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tieline.errors import TielineError

LONGEST_SAID = 200


class ProviderCallError(TielineError):
    """A call to a provider gave no answer."""


class NotConfiguredError(ProviderCallError):
    """The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong parameter: its place below the parameters, and what is wrong."""

    path: tuple[str | int, ...]
    message: str


class CallInputError(ProviderCallError):
    """The parameters are not what the endpoint takes."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class UnknownError(ProviderCallError):
    """The workspace has no such integration, or the integration no such endpoint."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} not found")
        self.what = what


class UpstreamError(ProviderCallError):
    """The provider did not answer as it should.

    `is_outage` tells whether it is the provider that has trouble, rather than our request; `sent` whether it may have
    acted.
    """

    def __init__(
        self, details: str, *, is_outage: bool = True, retry_after: timedelta | None = None, sent: bool = True
    ) -> None:
        super().__init__(details)
        self.details, self.is_outage, self.retry_after, self.sent = details, is_outage, retry_after, sent


class RateLimitedError(UpstreamError):
    """The provider asks to come back later."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(
            f"Rate limit exceeded, try again in {max(1, round(wait.total_seconds()))} s",
            is_outage=False,
            retry_after=wait,
        )
        self.wait = wait


class CredentialsRefusedError(UpstreamError):
    """The provider does not accept the credentials, also after they were renewed where they can be."""

    def __init__(self, details: str) -> None:
        super().__init__(details, is_outage=False)


def timed_out(limit: timedelta) -> UpstreamError:
    """Return the error for an answer that did not come within `limit`."""
    return UpstreamError(f"Request timeout after {round(limit.total_seconds() * 1000)}ms")
