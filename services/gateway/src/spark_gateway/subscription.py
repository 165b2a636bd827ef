"""What a stream asks for: symbols of one or more venues, channels and a pace.

Streams that ask for the same share everything.
"""

from typing import Final, NamedTuple

CHANNELS: Final = ("ticker", "trade", "book")
DEFAULT_CHANNELS: Final = ("ticker",)
CURRENT_CHANNELS: Final = ("ticker", "book")
"""Those that have a current value: a trade is over when it is told."""
ALL: Final = "*"
THROTTLES_MS: Final = (0, 50, 100, 250, 500, 1000, 2000, 5000, 15000, 60000)
"""The paces there are: a request is rounded up to one of them, so that streams share their frames."""
DEFAULT_THROTTLE_MS: Final = 250


class Interest(NamedTuple):
    """One venue's part of a subscription. ``symbols`` is None for all."""

    venue: str
    symbols: frozenset[str] | None
    channels: frozenset[str]

    def wants(self, channel: str, symbol: str) -> bool:
        """Return whether it asks for this; an empty channel or symbol stands for all of them."""
        if channel and channel not in self.channels:
            return False
        return not symbol or self.symbols is None or symbol in self.symbols


class Subscription(NamedTuple):
    """All that a stream asks for: one interest a venue, ordered by the venue's name."""

    interests: tuple[Interest, ...]
    throttle_ms: int

    @property
    def venues(self) -> tuple[str, ...]:
        """The venues that it touches, in order."""
        return tuple(interest.venue for interest in self.interests)

    @property
    def has_books(self) -> bool:
        """Whether it carries order books."""
        return any("book" in interest.channels for interest in self.interests)


def pace(throttle_ms: int) -> int:
    """Return the pace that ``throttle_ms``, 0 to 60000, is rounded up to."""
    return next(step for step in THROTTLES_MS if step >= throttle_ms)
