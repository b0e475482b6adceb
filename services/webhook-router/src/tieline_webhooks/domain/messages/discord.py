"""Messages for Discord's channels: one embed, coloured by severity.

Embeds notify nobody, and `allowed_mentions` allows nothing; text of others is escaped besides, so that it shows as it
was written.
"""

from typing import Any

from tieline_webhooks.domain.messages.content import Content
from tieline_webhooks.domain.messages.text import Escapes, fit, length, without_mentions

ESCAPES: Escapes = {ord(character): f"\\{character}" for character in "\\*_~`|<>[]#"}

MAX_TITLE = 256
MAX_FACT = 200
MAX_DETAIL = 2_000  # of 4,096: the whole embed may have 6,000
MAX_LINK = 2_048


def render(content: Content) -> dict[str, Any]:
    """Return the body; the channel is part of the address."""
    embed: dict[str, Any] = {
        "title": fit(without_mentions(f"{content.mark} {content.title}"), MAX_TITLE, ESCAPES),
        "color": content.colour,
        "fields": [
            {"name": label, "value": fit(without_mentions(value), MAX_FACT, ESCAPES), "inline": True}
            for label, value in content.facts
        ],
        "footer": {"text": fit(content.footer, MAX_FACT)},
        "timestamp": content.occurred_at.isoformat(),
    }
    if content.detail:
        embed["description"] = fit(without_mentions(content.detail), MAX_DETAIL, ESCAPES)
    if content.link and length(content.link) <= MAX_LINK:
        embed["url"] = content.link
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}
