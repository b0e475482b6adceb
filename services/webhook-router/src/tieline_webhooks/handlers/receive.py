"""Taking webhooks in: whose they are, whether they are genuine, what they say, who wants them; then into the log.

Written for speed. Nothing is awaited but the log, and what came at once is taken through each step together: a step
that is done again and again finds its code in the processor's cache.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from heapq import nsmallest

import msgspec
from tieline.clock import Clock
from tieline.contracts.events import agent_id
from tieline.contracts.integrations import Integration
from tieline.observability import tracing

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.errors import NotReadyError, UnknownHookError, UnknownSourceError
from tieline_webhooks.domain.events import event_id
from tieline_webhooks.domain.integrations import IntegrationTable
from tieline_webhooks.domain.matching import Matcher
from tieline_webhooks.domain.quarantine import Webhook
from tieline_webhooks.domain.senders import SENDERS, Sender
from tieline_webhooks.domain.senders.errors import NoSecretConfiguredError, SignatureError, SignatureMismatchError
from tieline_webhooks.ports import Log, Secrets

MOST_CANDIDATES = 64
"""Integrations whose secrets are tried on a webhook; more would let anybody burn our time."""

MOST_AT_ONCE = 32
"""Webhooks that are taken in without a look at anything else: 2 or 3 ms."""


class Installation(msgspec.Struct, gc=False):
    """The installation a body says it is from. Not believed: it only says whose secrets to try."""

    uuid: str | None = None
    id: int | str | None = None


class _Hint(msgspec.Struct, gc=False):
    installation: Installation | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the sender is told. `immediate` replaces it where the sender's protocol asks for an answer of its own."""

    routed: bool = False
    agent_id: str | None = None
    event_id: str | None = None
    immediate: dict[str, str] | None = None


class RefusedWebhookError(Exception):
    """A webhook that is not genuine. `workspace_id` is whose it claimed to be, None if it did not say."""

    def __init__(self, reason: SignatureError, workspace_id: str | None) -> None:
        super().__init__(str(reason))
        self.reason, self.workspace_id = reason, workspace_id


class _Incoming:
    """A webhook on its way in, and what is known of it so far. `done` is told when it is durable, or why it isn't."""

    __slots__ = ("accepted", "at", "done", "integration", "receipt", "sender", "traceparent", "webhook")

    sender: Sender
    integration: Integration
    accepted: AcceptedEvent
    receipt: Receipt

    def __init__(
        self, webhook: Webhook, at: datetime | None, traceparent: str | None, done: "asyncio.Future[None]"
    ) -> None:
        self.webhook, self.at, self.traceparent, self.done = webhook, at, traceparent, done

    def fail(self, error: Exception) -> None:
        """Tell whoever waits, unless nobody does any more."""
        if not self.done.done():
            self.done.set_exception(error)


class ReceiveWebhook:
    """Verifies, normalises, matches and appends one webhook."""

    def __init__(
        self,
        *,
        integrations: IntegrationTable,
        secrets: Secrets,
        matcher: Matcher,
        log: Log,
        clock: Clock,
    ) -> None:
        self._integrations = integrations
        self._secrets = secrets
        self._matcher = matcher
        self._log = log
        self._clock = clock
        self._hint = msgspec.json.Decoder(_Hint).decode
        self._incoming: deque[_Incoming] = deque()

    async def __call__(self, webhook: Webhook, *, at: datetime | None = None) -> Receipt:
        """Take a webhook in, and return once its event is durable. `at`: when it came, if that was not now.

        Raises UnknownSourceError, UnknownHookError, RefusedWebhookError (not genuine), UnusableBodyError,
        NotReadyError, OverloadedError, SpoolFullError. The same webhook again has the same event id.
        """
        loop = asyncio.get_running_loop()
        came = _Incoming(webhook, at, tracing.traceparent() or webhook.headers.get("traceparent"), loop.create_future())
        if not self._incoming:
            loop.call_soon(self._take_in)
        self._incoming.append(came)
        await came.done
        return came.receipt

    def _take_in(self) -> None:
        """Take in what came since this was scheduled; more than MOST_AT_ONCE in several turns of the event loop."""
        waiting = self._incoming
        together = [waiting.popleft() for _ in range(min(len(waiting), MOST_AT_ONCE))]
        if waiting:
            asyncio.get_running_loop().call_soon(self._take_in)
        now = self._clock()
        genuine = self._through(self._verify, together, now)
        usable = self._through(self._normalise, genuine, now)
        try:
            self._log.put([(each.accepted, each.done) for each in usable])
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            for each in usable:
                each.fail(error)

    def _through(
        self, step: Callable[[_Incoming, datetime], bool], together: list[_Incoming], now: datetime
    ) -> list[_Incoming]:
        """Take webhooks through a step and return those that go on; the others have been told why not."""
        going_on = []
        for each in together:
            try:
                if step(each, now):
                    going_on.append(each)
            except Exception as error:  # noqa: BLE001 - passed on to whoever waits for this one
                each.fail(error)
        return going_on

    def _verify(self, came: _Incoming, now: datetime) -> bool:
        """Find out who sent a webhook; False if it is not an event. Raises as `verified` does."""
        came.sender, came.integration = self.verified(came.webhook, came.at or now)
        immediate = came.sender.immediate_answer(came.webhook.body)
        if immediate is None:
            return True
        came.receipt = Receipt(immediate=immediate)
        if not came.done.done():
            came.done.set_result(None)
        return False

    def _normalise(self, came: _Incoming, now: datetime) -> bool:
        """Make the event of a verified webhook. Raises UnusableBodyError."""
        webhook, sender, integration = came.webhook, came.sender, came.integration
        event = sender.normalise(webhook.body, webhook.headers)
        workspace_id = integration.workspace_id
        routed = self._matcher.takes(workspace_id, event, webhook.body)
        came.accepted = accepted = AcceptedEvent(
            id=event_id(workspace_id, sender.name, event.dedupe_key),
            workspace_id=workspace_id,
            source=sender.name,
            event=event,
            body=webhook.body,
            received_at=came.at or now,
            agent_id=agent_id(workspace_id, event.project) if routed else None,
            integration_id=integration.id,
            traceparent=came.traceparent,
        )
        came.receipt = Receipt(routed=routed, agent_id=accepted.agent_id, event_id=accepted.id)
        return True

    def verified(self, webhook: Webhook, now: datetime) -> tuple[Sender, Integration]:
        """Return who sent a webhook, and the integration whose secret signed it.

        Raises UnknownSourceError, UnknownHookError, RefusedWebhookError, NotReadyError.
        """
        sender = SENDERS.get(webhook.source)
        if sender is None:
            raise UnknownSourceError(webhook.source)
        candidates = self._candidates(sender, webhook)
        refusal: SignatureError | None = None
        unknown = False
        for integration in candidates:
            secrets = self._secrets.of(integration.id)
            if secrets is None:
                unknown = True
                continue
            try:
                sender.verify(webhook.body, webhook.headers, secrets, now)
            except NoSecretConfiguredError:
                continue
            except SignatureError as error:
                refusal = error
                if not isinstance(error, SignatureMismatchError):
                    break  # no other secret would help
            else:
                return sender, integration
        if unknown:
            raise NotReadyError("the webhook secret is being read")
        claimed = self._claimed_workspace(webhook, candidates)
        if not candidates and claimed is None:
            raise UnknownHookError
        refusal = refusal or NoSecretConfiguredError()
        raise RefusedWebhookError(refusal, claimed) from refusal

    def _claimed_workspace(self, webhook: Webhook, candidates: Sequence[Integration]) -> str | None:
        """Return the one workspace that the webhook claims to be for, if it names one that exists."""
        if webhook.workspace is not None and self._integrations.knows_workspace(webhook.workspace):
            return self._integrations.workspace_id(webhook.workspace)
        workspaces = {each.workspace_id for each in candidates}
        return workspaces.pop() if len(workspaces) == 1 else None

    def _candidates(self, sender: Sender, webhook: Webhook) -> Sequence[Integration]:
        """Return the integrations that the webhook may be for.

        Sentry and others can't send a header of ours: where neither address, header nor installation says whose a
        webhook is, its signature has to; where too many could have signed it, none is tried. A workspace may have any
        number of integrations of one provider, of which those count that hold a secret, the oldest first: they are what
        surface C configures.
        """
        table, provider = self._integrations, sender.provider
        if webhook.integration_id is not None:
            named = table.get(webhook.integration_id)
            found = [] if named is None or named.provider != provider else [named]
            if webhook.workspace is not None:
                workspace_id = table.workspace_id(webhook.workspace)
                found = [each for each in found if each.workspace_id == workspace_id]
        elif webhook.workspace is not None:
            found = table.signing(webhook.workspace, provider)
            if len(found) == 1:  # nearly always
                return found
            return nsmallest(MOST_CANDIDATES, found, key=lambda each: (each.created_at, each.id))
        else:
            installation = self._installation(webhook.body)
            found = table.of_installation(provider, installation) if installation else []
            found = found or table.with_webhook_secret(provider)
        return [each for each in found if each.enabled] if len(found) <= MOST_CANDIDATES else []

    def _installation(self, body: bytes) -> str | None:
        try:
            installation = self._hint(body).installation
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if installation is None:
            return None
        return installation.uuid or (None if installation.id is None else str(installation.id))
