"""Messages for Slack's `chat.postMessage` and `chat.update`.

Text of others stands in mrkdwn with `&`, `<` and `>` escaped, so that it can hold no mention, link or command; `*` and
the like cannot be escaped there and may show as emphasis. `verbatim` keeps Slack from finding names and links in it.
"""

from typing import Any

from tieline_webhooks.domain.messages.content import Content
from tieline_webhooks.domain.messages.text import Escapes, fit, length

ESCAPES: Escapes = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_IN_LINK: Escapes = {**ESCAPES, ord("<"): "%3C", ord(">"): "%3E", ord("|"): "%7C"}

MAX_TITLE = 700
MAX_FACT = 200
MAX_DETAIL = 1_500
MAX_LINK = 2_000  # with the title under the 3,000 characters of a section
MAX_FALLBACK = 1_500  # chat.update refuses text over 4,000


def render(content: Content) -> dict[str, Any]:
    """Return the body, without the channel: a headline, the facts on a coloured bar, and the text for notifications."""
    title = fit(content.title, MAX_TITLE, ESCAPES)
    link = content.link.translate(_IN_LINK) if content.link else ""
    headline = f"<{link}|{title}>" if 0 < length(link) <= MAX_LINK else title
    facts = [_mrkdwn(f"*{label}*\n{fit(value, MAX_FACT, ESCAPES)}") for label, value in content.facts]
    bar: list[dict[str, Any]] = [{"type": "section", "fields": facts}] if facts else []
    if content.detail:
        bar.append({"type": "section", "text": _mrkdwn(fit(content.detail, MAX_DETAIL, ESCAPES))})
    bar.append({"type": "context", "elements": [_mrkdwn(fit(content.footer, MAX_FACT, ESCAPES))]})
    return {
        "text": fallback(content),
        "blocks": [{"type": "section", "text": _mrkdwn(f"{content.mark} *{headline}*")}],
        "attachments": [{"color": f"#{content.colour:06x}", "blocks": bar}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def fallback(content: Content) -> str:
    """Return what a notification shows."""
    facts = " · ".join(value for _, value in content.facts)
    return f"{content.mark} {fit(f'{content.title} · {facts}', MAX_FALLBACK, ESCAPES)}"


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
