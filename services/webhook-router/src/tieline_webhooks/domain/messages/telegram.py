"""Messages for Telegram's `sendMessage` and `editMessageText`, in HTML.

Telegram would turn `@name` in plain text into a mention, so a zero-width space is put behind the `@`.
"""

from typing import Any

from tieline_webhooks.domain.messages.content import Content
from tieline_webhooks.domain.messages.text import Escapes, fit, length, without_mentions

ESCAPES: Escapes = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_IN_LINK: Escapes = {**ESCAPES, ord('"'): "%22"}

# Together with tags and labels under 4,096, which Telegram counts after taking the tags away.
MAX_TITLE = 500
MAX_FACT = 200
MAX_DETAIL = 900
MAX_LINK = 1_500


def render(content: Content) -> dict[str, Any]:
    """Return the body, without the chat."""
    title = fit(without_mentions(content.title), MAX_TITLE, ESCAPES)
    facts = [f"{label}: {fit(without_mentions(value), MAX_FACT, ESCAPES)}" for label, value in content.facts]
    footer = f"<i>{fit(content.footer, MAX_FACT, ESCAPES)}</i>"
    link = content.link.translate(_IN_LINK) if content.link else ""
    opening = [f'<a href="{link}">{content.link_label}</a>'] if 0 < length(link) <= MAX_LINK else []
    lines = [f"{content.mark} <b>{title}</b>", *facts]
    if content.detail:
        lines += ["", fit(without_mentions(content.detail), MAX_DETAIL, ESCAPES)]
    return {
        "text": "\n".join([*lines, *opening, footer]),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
