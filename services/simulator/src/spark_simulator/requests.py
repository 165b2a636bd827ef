"""What clients ask over the WebSocket: joins and leaves. Anything else the venue leaves unanswered."""

from typing import Any

import msgspec

SUBSCRIPTION = 151


class Request(msgspec.Struct, frozen=True):
    """One 151: a channel and an event to join or to leave. Neither has to exist."""

    channel: str
    event: str
    join: bool


def read(text: str) -> Request | None:
    """Return the request in ``text``, or None for what the venue does not answer."""
    try:
        number, body = msgspec.json.decode(text, type=tuple[int, Any])
        return msgspec.convert(body, Request) if number == SUBSCRIPTION else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
