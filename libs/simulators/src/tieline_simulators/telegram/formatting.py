"""What Telegram reads in a message text: HTML tags, or MarkdownV2's reserved characters. Lengths are UTF-16 units."""

import re
from html import unescape
from html.parser import HTMLParser

SIMPLE_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
# Whatever comes first of: an escape, code, a link; what is left over is a reserved character that nothing explains.
_MARKDOWN = re.compile(
    r"""\\.|```.*?```|`(?:\\.|[^`\\])*`|\[(?:\\.|[^\]\\])*\]\((?:\\.|[^)\\])*\)|([.!\-=|{}+\#()>\[\]])""", re.DOTALL
)


class EntityError(ValueError):
    """The text cannot be parsed; the message is what follows `can't parse entities: `."""


def read_html(text: str) -> tuple[str, list[dict[str, object]]]:
    """Return the text as people see it, and its entities. Raises EntityError."""
    reader = _HtmlReader()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise EntityError(f'Can\'t find end tag corresponding to start tag "{reader.open[-1][0]}"')
    return "".join(reader.text), reader.entities


def read_markdown_v2(text: str) -> str:
    """Return the text without escapes, entity marks still in it. Raises EntityError for a reserved character."""
    for match in _MARKDOWN.finditer(text):
        if match[1] and not (match[1] == ">" and _starts_a_line(match)):
            raise EntityError(f"Character '{match[1]}' is reserved and must be escaped with the preceding '\\'")
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def units(text: str) -> int:
    """Return a text's length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def _starts_a_line(match: re.Match[str]) -> bool:
    return match.start() == 0 or match.string[match.start() - 1] == "\n"


class _HtmlReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)  # an escaped `<` is fine, a bare one is not
        self.text: list[str] = []
        self.open: list[tuple[str, int, str | None]] = []
        self.entities: list[dict[str, object]] = []
        self._length = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in SIMPLE_TAGS or (tag == "span" and given.get("class") != "tg-spoiler"):
            raise EntityError(f'Unsupported start tag "{tag}"')
        self.open.append((tag, self._length, given.get("href")))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            raise EntityError(f'Unmatched end tag "{tag}"')
        tag, start, href = self.open.pop()
        entity: dict[str, object] = {"type": SIMPLE_TAGS[tag], "offset": start, "length": self._length - start}
        if tag == "a":
            entity["url"] = href or ""
        if entity["length"] and (tag != "a" or href):
            self.entities.append(entity)

    def handle_data(self, data: str) -> None:
        if "<" in data:
            raise EntityError('Unsupported start tag ""')
        self._add(data)

    def handle_entityref(self, name: str) -> None:
        self._add(NAMED.get(name, f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self._add(unescape(f"&#{name};"))

    def handle_comment(self, data: str) -> None:
        raise EntityError('Unsupported start tag "!"')

    def _add(self, text: str) -> None:
        self.text.append(text)
        self._length += units(text)
