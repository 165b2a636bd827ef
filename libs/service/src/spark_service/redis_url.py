"""The address of Redis, which may hold a password: checked at start, and never printed whole."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr


def _checked(secret: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(secret.get_secret_value())
        _ = parts.port
    except ValueError:  # its text quotes what it could not read, which may be a piece of the password
        raise ValueError("it is not an address; special characters in a password are written as %XX") from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("its scheme is not redis, rediss or unix")
    if parts.scheme != "unix" and not parts.hostname:
        raise ValueError("it names no host")
    if parts.scheme != "unix" and not re.fullmatch(r"/?[0-9]{0,5}", parts.path):
        raise ValueError("its database is not a number")
    if parts.fragment or not re.fullmatch(r"(db=[0-9]{1,5})?", parts.query):
        raise ValueError("it has options other than ?db=NUMBER")
    return secret


RedisUrl = Annotated[SecretStr, AfterValidator(_checked)]


def address(url: SecretStr) -> str:
    """Return where ``url`` points to, fit for a log: no user, no password."""
    parts = urlsplit(url.get_secret_value())
    if parts.scheme == "unix":
        return f"unix:{parts.path}"
    return f"{parts.hostname}:{parts.port or 6379}"
