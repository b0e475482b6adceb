"""The tokens by which services prove themselves to each other: one, or several while one takes another's place."""

import hmac
from typing import Final

SHORTEST_TOKEN: Final = 16


class ServiceTokens:
    """Tokens as settings carry them, separated by commas: the first is sent, any of them is accepted."""

    def __init__(self, text: str) -> None:
        self._tokens = [token for part in text.split(",") if (token := part.strip())]

    @property
    def sent(self) -> str:
        """Return the token that proves this service to others; empty when none is set."""
        return self._tokens[0] if self._tokens else ""

    @property
    def long_enough(self) -> bool:
        """Tell whether there is a token, and none that could be guessed."""
        return bool(self._tokens) and all(len(token) >= SHORTEST_TOKEN for token in self._tokens)

    def prove(self, authorization: str) -> bool:
        """Tell whether an `Authorization` header holds one of them. Every one is compared, in constant time."""
        given, proved = authorization.encode(), False
        for token in self._tokens:
            proved |= hmac.compare_digest(given, f"Bearer {token}".encode())
        return proved
