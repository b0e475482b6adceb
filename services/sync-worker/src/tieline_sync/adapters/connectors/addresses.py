"""Addresses as people type them."""


def base_address(text: str) -> str:
    """Return `text` with a scheme and without a slash at its end; https where none was given."""
    address = text.strip().rstrip("/")
    return address if "://" in address else f"https://{address}"
