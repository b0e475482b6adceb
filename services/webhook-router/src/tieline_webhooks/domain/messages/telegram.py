"""Messages for Telegram's `sendMessage` and `editMessageText`, in HTML.

Telegram would turn `@name` in plain text into a mention, so a zero-width space is put behind the `@`.
"""

from typing import Any

from tieline_webhooks.domain.messages.content import Content
from tieline_webhooks.domain.messages.text import Escapes, fit, length, without_mentions

ESCAPES: Escapes = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_IN_LINK: Escapes = {**ESCAPES, ord('"'): "%22"}

MAX_TEXT = 4_096  # counted after the tags are taken away; here with them, to be sure
MAX_TITLE = 500
MAX_FACT = 200
MAX_DETAIL = 1_000
MAX_LINK = 1_500


def render(content: Content) -> dict[str, Any]:
    """Return the body, without the chat."""
    title = fit(without_mentions(content.title), MAX_TITLE, ESCAPES)
    facts = [f"{label}: {fit(without_mentions(value), MAX_FACT, ESCAPES)}" for label, value in content.facts]
    footer = f"<i>{fit(content.footer, MAX_FACT, ESCAPES)}</i>"
    link = content.link.translate(_IN_LINK) if content.link else ""
    opening = [f'<a href="{link}">{content.link_label}</a>'] if 0 < len(link) <= MAX_LINK else []
    lines = [f"{content.mark} <b>{title}</b>", *facts]
    room = MAX_TEXT - length("\n".join([*lines, "", *opening, footer])) - 2
    if content.detail and room > 0:
        lines += ["", fit(without_mentions(content.detail), min(room, MAX_DETAIL), ESCAPES)]
    return {
        "text": "\n".join([*lines, *opening, footer]),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
