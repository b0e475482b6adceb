"""The limits of Block Kit, as the reference pages of each block state them."""

from collections.abc import Iterator, Mapping

MAX_BLOCKS = 50
MAX_BLOCK_ID = 255
TEXT_TYPES = ("plain_text", "mrkdwn")
BLOCK_TYPES = frozenset(
    {"actions", "context", "divider", "file", "header", "image", "input", "markdown", "rich_text", "section", "video"}
)
ELEMENT_LIMITS = {"actions": 25, "context": 10}


def block_errors(blocks: object) -> list[str]:
    """Return what is wrong with a message's blocks, in Slack's `text [json-pointer:…]` form; empty when nothing is."""
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    if len(blocks) > MAX_BLOCKS:
        return [f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]"]
    return [error for index, block in enumerate(blocks) for error in _of_block(block, f"/blocks/{index}")]


def _of_block(block: object, at: str) -> Iterator[str]:
    if not isinstance(block, Mapping):
        yield f"must be an object [json-pointer:{at}]"
        return
    kind = block.get("type")
    if kind not in BLOCK_TYPES:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"
        return
    yield from _string(block, "block_id", at, most=MAX_BLOCK_ID, least=0)
    if kind == "header":
        yield from _text(block.get("text"), f"{at}/text", most=150, types=("plain_text",))
    elif kind == "section":
        yield from _section(block, at)
    elif kind == "image":
        yield from _string(block, "alt_text", at, most=2_000, required=True)
        if "slack_file" not in block:
            yield from _string(block, "image_url", at, most=3_000, required=True)
    elif kind == "markdown":
        yield from _string(block, "text", at, most=12_000, required=True)
    elif kind in ELEMENT_LIMITS:
        yield from _elements(block, at, most=ELEMENT_LIMITS[kind])


def _section(block: Mapping[str, object], at: str) -> Iterator[str]:
    fields = block.get("fields")
    if "text" not in block and fields is None:
        yield f"missing required field: text or fields [json-pointer:{at}]"
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", most=3_000)
    if fields is not None:
        if not isinstance(fields, list) or not 1 <= len(fields) <= 10:
            yield f"must have 1 to 10 items [json-pointer:{at}/fields]"
            return
        for index, each in enumerate(fields):
            yield from _text(each, f"{at}/fields/{index}", most=2_000)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _elements(block: Mapping[str, object], at: str, *, most: int) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= most:
        yield f"must have 1 to {most} items [json-pointer:{at}/elements]"
        return
    for index, element in enumerate(elements):
        yield from _element(element, f"{at}/elements/{index}")


def _element(element: object, at: str) -> Iterator[str]:
    if not isinstance(element, Mapping) or not isinstance(element.get("type"), str):
        yield f"must be an object with a type [json-pointer:{at}]"
    elif element["type"] == "button":
        yield from _text(element.get("text"), f"{at}/text", most=75, types=("plain_text",))
        yield from _string(element, "action_id", at, most=255)
        yield from _string(element, "url", at, most=3_000)
        yield from _string(element, "value", at, most=2_000)
    elif element["type"] in TEXT_TYPES:
        yield from _text(element, at, most=3_000)


def _text(text: object, at: str, *, most: int, types: tuple[str, ...] = TEXT_TYPES) -> Iterator[str]:
    if not isinstance(text, Mapping) or text.get("type") not in types:
        yield f"must be a text object of type {' or '.join(types)} [json-pointer:{at}]"
        return
    yield from _string(text, "text", at, most=most, required=True)


def _string(
    owner: Mapping[str, object], name: str, at: str, *, most: int, required: bool = False, least: int = 1
) -> Iterator[str]:
    value = owner.get(name)
    if value is None:
        if required:
            yield f"missing required field: {name} [json-pointer:{at}]"
    elif not isinstance(value, str):
        yield f"must be a string [json-pointer:{at}/{name}]"
    elif len(value) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}/{name}]"
    elif len(value) < least:
        yield f"must be more than {least - 1} characters [json-pointer:{at}/{name}]"
