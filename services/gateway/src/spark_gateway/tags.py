"""Entity tags: whether what a client holds is still what it would get, RFC 9110 section 13.1.2."""

import hashlib
from collections.abc import Iterable

from spark_gateway.events import Frame

Headers = Iterable[tuple[bytes, bytes]]
"""A request's headers as ASGI has them, names in lower case."""

CACHING = b"no-cache"
"""Caches may keep an answer and must ask each time whether it still holds: a price that nobody asked about again is a
stale price that nobody was told of. `no-store` would promise no more, and send every unchanged answer again."""


def of_entry(epoch: str, item: Frame) -> bytes:
    """Return the tag of a message of the bus: an entry never changes, and every replica knows it by the same id."""
    return b'"%b.%d-%d"' % (epoch.encode(), *item.entry)


def of_body(body: bytes) -> bytes:
    """Return the tag of an answer that is put together here.

    The position alone would not do: books are joined, and the memory of two replicas reaches back differently far, at
    one and the same position.
    """
    return b'"%b"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()


def held(tag: bytes, headers: Headers) -> bytes | None:
    """Return the tag by which the client says, in ``If-None-Match``, that it holds this; None when it does not.

    It is weak where the client got the answer compressed, by us or by a proxy. No tag of ours has a quote within, so
    that finding it, quotes and all, in a list is finding it as a member.
    """
    for name, value in headers:
        if name == b"if-none-match":
            if tag in value:
                return b"W/" + tag if b"W/" + tag in value else tag
            if value.strip() == b"*":
                return tag
    return None
