"""GitHub: repositories, organisations, apps.

The `X-GitHub-Event` header, which names the event, is not signed. Where the signed body shows which of the events
below it is, the body decides; the header names only the rest. `X-GitHub-Delivery` is not signed either, so repeats are
recognised by their body; a redelivery from GitHub's interface repeats the body and is therefore a repeat.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders import github_things as things
from tieline_webhooks.domain.senders.base import Expectations, Headers, JsonSender
from tieline_webhooks.domain.senders.github_shapes import Hook, Repository
from tieline_webhooks.domain.senders.reading import (
    Reader,
    body_key,
    dotted,
    excerpt,
    headline,
    instant,
    subject_of,
    text_of,
    web_link,
)
from tieline_webhooks.domain.senders.signing import Secret, check_hex, keys_of, require_hex

SIGNATURE = "x-hub-signature-256"
FORM = "sha256=<64 lower-case hex digits>"


class GitHubSender(JsonSender[Hook]):
    """GitHub, hosted or Enterprise Server."""

    name: ClassVar[str] = "github"
    title: ClassVar[str] = "GitHub"
    provider: ClassVar[str] = "github"
    reader = Reader(Hook)
    expects: ClassVar[Expectations] = {
        "sender": "GitHub",
        "content_type": "application/json",
        "signature": {
            "headers": ["X-Hub-Signature-256"],
            "form": FORM,
            "algorithm": "HMAC-SHA256",
            "encoding": "hex",
            "signed": "the raw request body",
            "key": "the webhook's secret, as it is",
        },
        "freshness": "not checked: GitHub signs no time; repeats are recognised by their body",
        "deduplication": "SHA-256 of the body; X-GitHub-Delivery is not signed",
        "configure": [
            "In GitHub, Settings > Webhooks of a repository or organisation, add this address.",
            "Set the content type to application/json: a form cannot be read.",
            "Enter a long random secret, and store the same here as webhookSecret of the github integration.",
        ],
    }

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if a secret signed these bytes; raise a SignatureError otherwise."""
        del now  # GitHub signs no time
        keys = keys_of(secrets)
        check_hex(body, [require_hex(SIGNATURE, headers.get(SIGNATURE), "sha256=", FORM)], keys)

    def event(self, shape: Hook, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event, named as GitHub names it with its action behind."""
        name = things.event_name(shape, headers.get("x-github-event"))
        about = things.about(shape, name)
        repository = shape.repository or Repository()
        key = body_key(body)
        thing = about.thing
        return NormalisedEvent(
            type=dotted(f"github.{name}.{shape.action}" if shape.action else f"github.{name}"),
            source="github",
            subject=_subject(shape, repository, about.path, key),
            title=headline(about.title) or _humanised(name, shape.action),
            dedupe_key=key,
            severity=things.severity(thing, about.level),
            level=about.level,
            state=things.state(thing, shape.action) if about.stateful else None,
            status=things.status(thing) if about.stateful else None,
            project=repository.full_name or (shape.organization.login if shape.organization else None),
            project_id=text_of(repository.id),
            link=web_link(about.link, thing.html_url, repository.html_url),
            detail=excerpt(about.detail),
            actor=shape.sender.login if shape.sender else None,
            occurred_at=instant(about.occurred or thing.updated_at or thing.created_at),
        )


def _subject(shape: Hook, repository: Repository, path: str, key: str) -> str:
    """Return the thing's path below its repository, organisation or GitHub itself, as people would write it."""
    owner = repository.full_name or (shape.organization.login if shape.organization else None)
    if owner:
        return f"github/{owner}/{path}" if path else f"github/{owner}"
    return f"github/{path}" if path else subject_of("github/webhook", None, key)


def _humanised(name: str, action: str | None) -> str:
    return f"GitHub {name} {action or ''}".replace("_", " ").rstrip()
