"""Which values of a configuration are secret, and the one path at which each is kept.

A path is the object's name and the keys below it, joined by dots: `config.password`, `config.database.password`,
`config.hosts.0`. Inside a key `~` is written `~0` and `.` is written `~1`, so every path reads back as its keys.

A provider's token is one fact however a surface calls it, so it has one path, `auth.access_token`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tieline.contracts.base import JsonObject

from tieline_gateway.domain.providers import BULK_TYPES

MASK: Final = "********"
TOKEN_PATH: Final = "auth.access_token"  # noqa: S105 - a path, not a token

_TOKEN_NAMES: Final = ("accesstoken", "apitoken", "apikey", "authtoken", "bottoken", "bearertoken", "token")
_SECRET_WORDS = re.compile(
    r"password|passwd|passphrase|secret|token|apikey|privatekey|accesskey|credential|authorization|signingkey"
)
# Names that only describe a secret, such as `token_url`, `tokenType` or `access_token_expires_at`.
_ABOUT_A_SECRET = re.compile(r"(url|uri|type|expiresat|expiresin|expiry|ttl|seconds|field|path|name|format|scopes?)$")
# Values that are secret wherever they stand: private keys, JSON web tokens, vendors' token prefixes, URLs that carry
# a password.
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*$"
    r"|^(?:xox[a-z]-|xapp-|gh[pousr]_|github_pat_|glpat-|sntry[su]_|lin_(?:api|oauth)_|whsec_|sk-|SG\.)\S{4,}$"
    r"|://[^\s/?#@:]*:[^\s/?#@]+@"
    r"|[?;&](?:password|pwd)=[^&;\s]",
    re.IGNORECASE,
)
MOST_NESTED = 16


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret, going by the words in it."""
    letters = _letters(name)
    return bool(_SECRET_WORDS.search(letters)) and not _ABOUT_A_SECRET.search(letters)


def is_secret_value(value: str) -> bool:
    """Tell whether `value` is recognisable as a secret whatever its field is called."""
    return bool(_SECRET_VALUE.search(value))


def token_key(provider: str, config: Iterable[str]) -> str | None:
    """Return the key of `config` that holds the provider's token, or None.

    Bulk types have none: their `api_key` is part of their configuration.
    """
    if provider in BULK_TYPES:
        return None
    by_letters = {_letters(key): key for key in config}
    return next((by_letters[name] for name in _TOKEN_NAMES if name in by_letters), None)


def encode_path(*keys: str | int) -> str:
    """Return the path of `keys`."""
    return ".".join(str(key).replace("~", "~0").replace(".", "~1") for key in keys)


def decode_path(path: str) -> list[str]:
    """Return the keys of `path`."""
    return [key.replace("~1", ".").replace("~0", "~") for key in path.split(".")]


def secret_text(value: Any) -> str:
    """Return a secret value as it is kept: strings as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@dataclass(slots=True)
class Split:
    """An object taken apart: what may be seen, secret values by path, and the paths where the mask was sent back."""

    clear: JsonObject = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    kept: list[str] = field(default_factory=list)


def split(root: str, values: Mapping[str, Any], *, also_secret: Iterable[str] = ()) -> Split:
    """Take `values`, the object called `root`, apart.

    Empty strings, null and booleans are never secret: there is nothing to hide, and a form's empty field stays empty.
    Below `MOST_NESTED` levels everything is kept as one secret rather than looked into.
    """
    found = Split()
    names = frozenset(also_secret)
    found.clear = _split_object((root,), values, names, found)
    return found


def _split_object(
    at: tuple[str | int, ...], values: Mapping[str, Any], names: frozenset[str], found: Split
) -> JsonObject:
    clear: JsonObject = {}
    for key, value in values.items():
        here = (*at, key)
        if _take(here, value, key in names or is_secret_name(key), found):
            continue
        clear[key] = _split_inside(here, value, names, found)
    return clear


def _split_inside(at: tuple[str | int, ...], value: Any, names: frozenset[str], found: Split) -> Any:
    if isinstance(value, Mapping):
        return _split_object(at, value, names, found)
    if isinstance(value, list):
        return [
            None if _take((*at, index), item, False, found) else _split_inside((*at, index), item, names, found)
            for index, item in enumerate(value)
        ]
    return value


def _take(at: tuple[str | int, ...], value: Any, by_name: bool, found: Split) -> bool:
    """Move `value` to the secrets if it is one; tell whether it was."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    if value == MASK:
        found.kept.append(encode_path(*at))
        return True
    too_deep = isinstance(value, dict | list) and len(at) > MOST_NESTED
    if not (by_name or too_deep or (isinstance(value, str) and is_secret_value(value))):
        return False
    found.secrets[encode_path(*at)] = secret_text(value)
    return True


def masked(root: str, clear: Mapping[str, Any], secret_paths: Iterable[str]) -> JsonObject:
    """Return `clear` with the mask wherever a secret of the object called `root` belongs."""
    shown: JsonObject = json.loads(json.dumps(clear))
    for path in secret_paths:
        first, *keys = decode_path(path)
        if first == root and keys:
            _place_mask(shown, keys)
    return shown


def _place_mask(shown: JsonObject, keys: list[str]) -> None:
    at: Any = shown
    for key in keys[:-1]:
        if isinstance(at, list):
            if not key.isdigit() or int(key) >= len(at):
                return
            at = at[int(key)]
        elif isinstance(at, dict):
            at = at.setdefault(key, {})
        else:
            return
    last = keys[-1]
    if isinstance(at, dict):
        at[last] = MASK
    elif isinstance(at, list) and last.isdigit() and int(last) < len(at):
        at[int(last)] = MASK
