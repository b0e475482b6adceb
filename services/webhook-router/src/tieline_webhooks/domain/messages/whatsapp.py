"""Messages for WhatsApp's Cloud API: plain text, which reaches people within a day of their last message to us."""

from typing import Any

from tieline_webhooks.domain.messages.content import Content
from tieline_webhooks.domain.messages.text import fit, length

# Together with the labels under 4,096.
MAX_TITLE = 300
MAX_FACT = 100
MAX_DETAIL = 1_000
MAX_LINK = 2_048


def render(content: Content) -> dict[str, Any]:
    """Return the body, without the recipient."""
    lines = [f"{content.mark} {fit(content.title, MAX_TITLE)}"]
    lines += [f"{label}: {fit(value, MAX_FACT)}" for label, value in content.facts]
    closing = [fit(content.footer, MAX_FACT)]
    if content.link and length(content.link) <= MAX_LINK:
        closing.insert(0, content.link)
    if content.detail:
        lines += ["", fit(content.detail, MAX_DETAIL)]
    return {
        "messaging_product": "whatsapp",
        "type": "text",
        "text": {"body": "\n".join([*lines, *closing]), "preview_url": False},
    }
