"""The `Link` header (RFC 8288), as far as paging uses it."""

import re

_LINK = re.compile(r"<([^>]*)>([^<]*)")
_PARAMETER = re.compile(r';\s*([a-z-]+)\s*=\s*"?([^";,]*)"?', re.IGNORECASE)


def links(header: str) -> list[tuple[str, dict[str, str]]]:
    """Return the addresses of a `Link` header with their parameters, names in lower case."""
    return [
        (address, {name.lower(): value for name, value in _PARAMETER.findall(rest)})
        for address, rest in _LINK.findall(header)
    ]


def next_link(header: str) -> str | None:
    """Return the address of the next page, or None."""
    return next((address for address, parameters in links(header) if "next" in parameters.get("rel", "").split()), None)
