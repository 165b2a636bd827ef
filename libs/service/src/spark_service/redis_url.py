"""The address of Redis, which may hold a password: checked at start, and never printed whole."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr


def _checked(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("its scheme is not redis, rediss or unix")
    if parts.scheme != "unix" and not parts.hostname:
        raise ValueError("it names no host")
    _ = parts.port  # raises ValueError when it is not a port
    return secret


RedisUrl = Annotated[SecretStr, AfterValidator(_checked)]


def address(url: SecretStr) -> str:
    """Return where ``url`` points to, fit for a log: no user, no password."""
    parts = urlsplit(url.get_secret_value())
    if parts.scheme == "unix":
        return f"unix:{parts.path}"
    return f"{parts.hostname}:{parts.port or 6379}"
