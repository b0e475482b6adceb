"""ServiceNow: where a customer's own instance is, and where it gives tokens."""

from typing import Final

from tieline_sync.domain.credentials import Facts

ADDRESS: Final = ("config.url", "config.base_url", "config.instance_url", "auth.base_url")
TOKEN_PATH: Final = "/oauth_token.do"  # noqa: S105 - a path


def address_of(facts: Facts) -> str | None:
    """Return the instance's address without a slash at its end, https where no scheme was given."""
    given = facts.find(*ADDRESS)
    if given is None:
        return None
    address = given.strip().rstrip("/")
    return address if "://" in address else f"https://{address}"


def token_url_of(facts: Facts) -> str | None:
    """Return where the instance gives tokens."""
    address = address_of(facts)
    return None if address is None else address + TOKEN_PATH
