"""How a draft's objects and secrets are laid over those of an existing integration.

A secret's path is the object it stands in and its key there: `config.password`. The value itself is absent from the
object. Whatever was given last wins: a plain value drops the secret at its place, a secret drops the plain value.
"""

import copy
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar

from tieline.contracts.base import JsonObject

ROOTS: Final = ("auth", "scope", "config", "metadata")
"""The objects of an integration that are merged, and that secrets may stand in."""

SecretT = TypeVar("SecretT")


def root_of(path: str) -> str:
    """Return the object that a secret's path stands in."""
    return path.partition(".")[0]


def within(path: str, place: str) -> bool:
    """Tell whether a secret's path is `place` or below it."""
    return path == place or path.startswith(place + ".")


def laid_over(
    root: str,
    *,
    held: JsonObject,
    held_secrets: Mapping[str, SecretT],
    given: JsonObject | None,
    given_secrets: Mapping[str, SecretT],
    kept: Collection[str],
    replaces: bool,
) -> tuple[JsonObject, dict[str, SecretT]]:
    """Return the object named `root` and its secrets after a draft.

    `replaces`: the object is replaced whole, secrets included, except those at the paths `kept`. Otherwise it is merged
    key by key: null removes the key's value and secret, any other value takes the place of both.
    """
    secrets = {path: secret for path, secret in held_secrets.items() if root_of(path) == root}
    kept_secrets = {path: secret for path, secret in secrets.items() if path in kept}
    if given is None:
        value = held
    elif replaces:
        value, secrets = given, {}
    else:
        value = {key: item for key, item in (held | given).items() if item is not None or key not in given}
        secrets = {
            path: secret for path, secret in secrets.items() if not any(within(path, f"{root}.{key}") for key in given)
        }
    secrets |= kept_secrets
    secrets |= {path: secret for path, secret in given_secrets.items() if root_of(path) == root}
    hidden = {*secrets, *(path for path in kept if root_of(path) == root)}
    return without(value, [path.partition(".")[2] for path in hidden]), secrets


def without(value: JsonObject, paths: Collection[str]) -> JsonObject:
    """Return `value` without what stands at any of the dotted `paths`, as one key or nested; `value` is left alone."""
    if not paths:
        return value
    result = copy.deepcopy(value)
    for path in paths:
        _remove(result, path)
    return result


def _remove(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        return
    value.pop(path, None)
    for position, character in enumerate(path):
        if character == "." and (inner := value.get(path[:position])) is not None:
            _remove(inner, path[position + 1 :])
