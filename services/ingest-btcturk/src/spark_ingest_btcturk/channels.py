"""Our channels and the venue's: what is joined for a pair."""

from typing import Final, NamedTuple

TICKER: Final = "ticker"
TRADE: Final = "trade"
BOOK: Final = "book"
CHANNELS: Final = (TICKER, TRADE, BOOK)
"""As they are named in settings, on the bus and in metrics."""

ALL: Final = "all"
"""The ticker's event that carries every pair."""

_THEIRS: Final = {TICKER: "ticker", TRADE: "trade", BOOK: "obdiff"}
_OURS: Final = {theirs: ours for ours, theirs in _THEIRS.items()}


class Subscription(NamedTuple):
    """One join: a channel of ours and the venue's event, a pair such as ``BTCTRY``, or ``all``."""

    channel: str
    event: str

    @property
    def venue_channel(self) -> str:
        """The channel as the venue spells it."""
        return _THEIRS[self.channel]


def subscription(venue_channel: str, event: str) -> Subscription | None:
    """Return what a frame with these two belongs to, None for a channel that is never joined."""
    channel = _OURS.get(venue_channel)
    return None if channel is None else Subscription(channel, event)
