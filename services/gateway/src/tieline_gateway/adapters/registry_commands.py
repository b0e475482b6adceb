"""Commands to the registry: sealed, fingerprinted, sent, their replies awaited."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta

from tieline.access import Principal, generate_key
from tieline.clock import Clock
from tieline.contracts.commands import Command, Reply, SealedSecret
from tieline.errors import KafkaUnavailableError
from tieline.ids import derived_id, new_id
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.kafka.requests import ReplyTimeoutError, RequestClient, TooManyRequestsInFlightError
from tieline.secrets.sealing import Sealer
from tieline.topics import REGISTRY_COMMANDS

from tieline_gateway.domain.commands import Intent, raise_refusal
from tieline_gateway.domain.errors import (
    OutcomeUnknownError,
    RequestTooLargeError,
    TooManyRequestsError,
    UnavailableError,
)

SOURCE = "tieline://gateway"
MOST_BYTES = 1_000_000  # of a command; with its headers still under a broker's default of 1,048,588 for a batch


class RegistryCommands:
    """Puts commands on Kafka and returns their replies.

    `secret` is shared by the replicas: it keys the fingerprints of bodies, which would otherwise let a reader of the
    topic guess secrets offline, and the derivation of new API keys.
    """

    def __init__(
        self, *, requests: RequestClient, sealer: Sealer, secret: bytes, clock: Clock, reply_timeout: timedelta
    ) -> None:
        self._requests = requests
        self._sealer = sealer
        self._secret = secret
        self._clock = clock
        self._reply_timeout = reply_timeout

    def intend(self, principal: Principal, *, idempotency_key: str | None, request: bytes) -> Intent:
        """Return what identifies a write: the same idempotency key in a workspace gives the same command id.

        `request` is method, path and body; its keyed hash tells a repetition from another request under the same key.
        """
        command_id = (
            new_id() if idempotency_key is None else derived_id("command", principal.workspace_id, idempotency_key)
        )
        fingerprint = hmac.digest(self._secret, request, hashlib.sha256).hex()
        return Intent(
            command_id=command_id,
            workspace_id=principal.workspace_id,
            issued_at=self._clock(),
            issued_by=principal.user_id,
            fingerprint=fingerprint,
            repeatable=idempotency_key is not None,
        )

    def seal(self, intent: Intent, secrets: Mapping[str, str]) -> dict[str, SealedSecret]:
        """Return secret values by path, sealed for this command alone."""
        return {
            path: self._sealer.seal(value, workspace_id=intent.workspace_id, command_id=intent.command_id, path=path)
            for path, value in secrets.items()
        }

    def api_key(self, intent: Intent) -> str:
        """Return the API key this command issues: under an idempotency key the same one whenever it is asked."""
        if not intent.repeatable:
            return generate_key()
        material = hmac.digest(self._secret, b"api-key:" + intent.command_id.encode(), hashlib.sha256)
        return "tl_" + base64.b32encode(material[:25]).decode().lower()

    async def send(self, command: Command) -> Reply:
        """Send `command` and return its reply.

        Raises the ConflictError or NotFoundError that a refusal means, OutcomeUnknownError when no reply came in time,
        UnavailableError when the command could not be put on Kafka, RequestTooLargeError when it is too large for it.
        """
        value = command.to_json()
        if len(value) > MOST_BYTES:
            raise RequestTooLargeError(MOST_BYTES)
        record = OutgoingRecord(
            topic=REGISTRY_COMMANDS,
            key=command.workspace_id,
            value=value,
            headers=cloudevent_headers(
                event_id=command.command_id,
                event_type=getattr(command, "type", "command"),
                source=SOURCE,
                time=command.issued_at,
                subject=command.workspace_id,
            ),
        )
        try:
            answer = await self._requests.request(
                command.command_id, record, timeout=self._reply_timeout, fingerprint=command.fingerprint
            )
        except ReplyTimeoutError as error:
            raise OutcomeUnknownError(command.command_id) from error
        except TooManyRequestsInFlightError as error:
            raise TooManyRequestsError(error.retry_after) from error
        except KafkaUnavailableError as error:
            raise UnavailableError("kafka") from error
        reply = Reply.model_validate_json(answer.value or b"{}")
        if reply.refusal is not None:
            raise_refusal(reply.refusal)
        return reply
