"""The state of a venue's ingest, as it tells the monitor: connection, mode, counters."""

from typing import Literal

import msgspec

from spark_market.instruments import Mode


class FeedState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Written once a second by the ingest. ``delay_ms`` is the venue's declared delay, 0 for live data.

    ``poll_interval_ms`` is how often each instrument of a polled source is asked for, 0 when the venue sends by itself.

    ``unproven`` are subscriptions that should have brought data by now and have not, as ``trade:XRP_TRY``.
    ``source`` is where tickers come from: ``poll`` says that the venue's source is one that is asked, ``rest`` that
    they are polled only since no socket can be had. Of ``sockets_wanted`` connections ``sockets`` stand.
    """

    venue: str
    mode: Mode
    connected: bool
    connected_since: int | None
    delay_ms: int = 0
    poll_interval_ms: int = 0
    subscriptions: int
    unproven: list[str]
    reconnects: int
    malformed: int
    queued: int
    dropped: int
    source: Literal["websocket", "rest", "poll"] = "websocket"
    sockets: int = 0
    sockets_wanted: int = 0


def encode(state: FeedState) -> bytes:
    """Return the state as JSON."""
    return msgspec.json.encode(state)


def decode(text: bytes) -> FeedState:
    """Return the state in ``text``. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(text, type=FeedState)
