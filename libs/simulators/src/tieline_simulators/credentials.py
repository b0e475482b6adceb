"""The Basic form of the Authorization header."""

from base64 import b64decode
from binascii import Error as Base64Error


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Return user and password of a Basic authorization, None when it is not one."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
