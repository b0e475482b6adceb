"""The roots of every error tree in Tieline.

* TielineError
  - TransientError   try again later: the same call may succeed
  - PermanentError   trying again changes nothing: refuse it, or dead-letter the record
  - ConfigurationError   the process was started wrongly: stop and say what to change

Services subclass these; an adapter wraps its driver's errors in them; one file per service translates them for callers.
"""

from datetime import timedelta


class TielineError(Exception):
    """Any error that Tieline raises on purpose."""


class TransientError(TielineError):
    """Trying the same again later may succeed."""

    retry_after: timedelta | None = None


class PermanentError(TielineError):
    """Trying the same again changes nothing."""


class ConfigurationError(TielineError):
    """The settings make no sense together; the message says which and what to do."""


class KafkaUnavailableError(TransientError):
    """The broker did not take or answer a request in time."""


class RecordTooLargeError(PermanentError):
    """A record is larger than the brokers take; sending it again changes nothing."""


class DatabaseUnavailableError(TransientError):
    """MongoDB did not answer in time."""


class RegistryUnavailableError(TransientError):
    """The registry's internal HTTP interface did not answer in time, or answered 5xx."""
