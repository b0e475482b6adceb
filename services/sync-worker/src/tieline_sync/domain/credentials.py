"""Where a connector finds its facts among an integration's configuration and its opened secrets.

The five surfaces save the same things under different names; a connector asks for a fact by all of its names, in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tieline.contracts.integrations import Integration

_MASK = "********"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an integration is configured with: plain values and secrets by path, such as `config.url`."""

    integration: Integration
    secrets: Mapping[str, str] = field(repr=False)

    def find(self, *paths: str) -> str | None:
        """Return the first of `paths` that has a value, as text, or None."""
        for path in paths:
            value = self.secrets.get(path) or _walk(self.integration, path)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                text = str(value).strip()
                if text and text != _MASK:
                    return text
        return None

    def find_list(self, *paths: str) -> list[str]:
        """Return the first of `paths` that has a list (or comma-separated text), without empty entries."""
        for path in paths:
            value = _walk(self.integration, path)
            if isinstance(value, list) and value:
                return [str(item).strip() for item in value if str(item).strip()]
            if isinstance(value, str) and value.strip():
                return [part.strip() for part in value.split(",") if part.strip()]
        return []


def _walk(integration: Integration, path: str) -> Any:
    block, *rest = path.split(".")
    value: Any = getattr(integration, block, None) if block in {"auth", "config", "scope", "metadata"} else None
    for name in rest:
        value = value.get(name) if isinstance(value, dict) else None
    return value
