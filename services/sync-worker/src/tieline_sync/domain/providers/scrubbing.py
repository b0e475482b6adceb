"""Taking secrets out of what is shown: as they are, and as URLs, JSON and Basic authorization write them."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "[hidden]"
SHORTEST: Final = 4  # a shorter one is no secret, and would be found everywhere
_ESCAPES = "\\"


class Scrubber:
    """Replaces every occurrence of some secrets. Long ones first, so that no part of one is left over."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, value: str) -> str:
        """Return `value` without the secrets."""
        return value if self._pattern is None else self._pattern.sub(HIDDEN, value)

    def may_hold(self, body: str) -> bool:
        """Tell whether JSON text may hold a secret, if need be spelt with escapes; most bodies can be let pass."""
        return self._pattern is not None and (_ESCAPES in body or self._pattern.search(body) is not None)

    def json(self, value: Any) -> Any:
        """Return decoded JSON with all texts and keys scrubbed. Raises RecursionError for what is nested too deep."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item) for item in value]
        return value


def _forms(secret: str) -> set[str]:
    if len(secret) < SHORTEST:
        return set()
    encoded = b64encode(secret.encode()).decode()
    written = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}
    return {form for form in {*written, encoded, encoded.rstrip("=")} if len(form) >= SHORTEST}
