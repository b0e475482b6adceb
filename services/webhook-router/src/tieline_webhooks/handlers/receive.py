"""Taking a webhook in: whose it is, whether it is genuine, what it says, who wants it; then into the log.

Written for speed: nothing is awaited but the log.
"""

from collections.abc import Sequence
from datetime import datetime
from heapq import nsmallest

import msgspec
from tieline.clock import Clock
from tieline.contracts.events import agent_id
from tieline.contracts.integrations import Integration

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

    async def __call__(self, webhook: Webhook, *, at: datetime | None = None) -> Receipt:
        """Take a webhook in, and return once its event is durable. `at`: when it came, if that was not now.

        Raises UnknownSourceError, UnknownHookError, RefusedWebhookError (not genuine), UnusableBodyError,
        NotReadyError, OverloadedError, SpoolFullError. The same webhook again has the same event id.
        """
        now = at or self._clock()
        sender, integration = self.verified(webhook, now)
        immediate = sender.immediate_answer(webhook.body)
        if immediate is not None:
            return Receipt(immediate=immediate)
        accepted = self._accepted(sender, webhook, integration, now)
        await self._log.append(accepted)
        return Receipt(routed=accepted.agent_id is not None, agent_id=accepted.agent_id, event_id=accepted.id)

    def _accepted(self, sender: Sender, webhook: Webhook, integration: Integration, now: datetime) -> AcceptedEvent:
        """Return the event of a verified webhook. Raises UnusableBodyError."""
        event = sender.normalise(webhook.body, webhook.headers)
        workspace_id = integration.workspace_id
        routed = self._matcher.takes(workspace_id, event, webhook.body)
        return AcceptedEvent(
            id=event_id(workspace_id, sender.name, event.dedupe_key),
            workspace_id=workspace_id,
            source=sender.name,
            event=event,
            body=webhook.body,
            received_at=now,
            agent_id=agent_id(workspace_id, event.project) if routed else None,
            integration_id=integration.id,
            traceparent=webhook.headers.get("traceparent"),
        )

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
            found = [each for each in table.signing(webhook.workspace, provider) if each.enabled]
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
