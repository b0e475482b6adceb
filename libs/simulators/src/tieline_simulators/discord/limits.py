"""The limits of a Discord message, and how Discord names what breaks them."""

from collections.abc import Iterator, Mapping

MAX_CONTENT = 2_000
MAX_EMBEDS = 10
MAX_EMBED_CHARACTERS = 6_000  # over all embeds of a message
MAX_FIELDS = 25
MAX_NONCE = 25
EMBED_LIMITS = {"title": 256, "description": 4_096, "url": 2_048}

FieldErrors = Iterator[tuple[str, str, str]]
"""(dotted path, code, message)"""


def list_of(body: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Return a member that should be a list, empty when it is not."""
    value = body.get(name)
    return value if isinstance(value, list) else []


def content_errors(body: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Return what is wrong with a message's content, nonce and embeds."""
    return [*_string(body, "content", MAX_CONTENT), *_nonce(body), *_embeds(body.get("embeds"))]


def _nonce(body: Mapping[str, object]) -> FieldErrors:
    nonce = body.get("nonce")
    if isinstance(nonce, bool) or not isinstance(nonce, str | int | None):
        yield "nonce", "NONCE_TYPE_INVALID", "Value must be a string or an integer."
    elif isinstance(nonce, str) and len(nonce) > MAX_NONCE:
        yield "nonce", "NONCE_TYPE_TOO_LONG", f"Must be {MAX_NONCE} or fewer in length."


def _embeds(embeds: object) -> FieldErrors:
    if embeds is None:
        return
    if not isinstance(embeds, list):
        yield "embeds", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"
        return
    if len(embeds) > MAX_EMBEDS:
        yield "embeds", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_EMBEDS} or fewer in length."
    if sum(_characters(embed) for embed in embeds) > MAX_EMBED_CHARACTERS:
        yield "embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MAX_EMBED_CHARACTERS}"
    for index, embed in enumerate(embeds):
        if not isinstance(embed, dict):
            yield f"embeds.{index}", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
            continue
        for path, code, message in _embed(embed):
            yield f"embeds.{index}.{path}", code, message


def _embed(embed: Mapping[str, object]) -> FieldErrors:
    for name, most in EMBED_LIMITS.items():
        yield from _string(embed, name, most)
    colour = embed.get("color")
    if colour is not None and (not isinstance(colour, int) or not 0 <= colour <= 0xFFFFFF):
        yield "color", "NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215."
    for part, name, most in (("footer", "text", 2_048), ("author", "name", 256)):
        if isinstance(owner := embed.get(part), Mapping):
            for path, code, message in _string(owner, name, most, required=part == "author"):
                yield f"{part}.{path}", code, message
    fields = embed.get("fields") or []
    if not isinstance(fields, list) or len(fields) > MAX_FIELDS:
        yield "fields", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FIELDS} or fewer in length."
        return
    for index, each in enumerate(fields):
        for name, most in (("name", 256), ("value", 1_024)):
            for path, code, message in _string(each if isinstance(each, Mapping) else {}, name, most, required=True):
                yield f"fields.{index}.{path}", code, message


def _string(owner: Mapping[str, object], name: str, most: int, *, required: bool = False) -> FieldErrors:
    value = owner.get(name)
    if value is None or value == "":
        if required:
            yield name, "BASE_TYPE_REQUIRED", "This field is required"
    elif not isinstance(value, str):
        yield name, "STRING_TYPE_CONVERT", "Could not interpret value as string."
    elif len(value) > most:
        yield name, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."


def _characters(embed: object) -> int:
    """Return what an embed counts towards the limit of 6,000: title, description, footer, author, fields."""
    if not isinstance(embed, Mapping):
        return 0
    parts: list[object] = [embed.get("title"), embed.get("description")]
    for part, name in (("footer", "text"), ("author", "name")):
        if isinstance(owner := embed.get(part), Mapping):
            parts.append(owner.get(name))
    for each in list_of(embed, "fields"):
        if isinstance(each, Mapping):
            parts += [each.get("name"), each.get("value")]
    return sum(len(part) for part in parts if isinstance(part, str))
