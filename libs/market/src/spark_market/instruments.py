"""What trades where: a venue, our symbol for an instrument, and what the venue tells of it."""

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """How the data came to be. It is on every tick, so simulated data never passes for real."""

    REAL = "real"
    DELAYED = "delayed"
    MOCK = "mock"


class SessionWindow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The trading session that runs, or the next one: continuous trading, ms UTC. ``half`` is a half-day's."""

    opens_at: int
    closes_at: int
    half: bool = False


class Instrument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One instrument of a venue's directory.

    ``venue_id`` is the venue's own number for it and ``status`` its word for how it trades; these two, and the decimals
    after the point ``price_scale`` and ``size_scale``, are None when the venue did not say.
    ``statistics_window`` is what open, high, low, volume and vwap cover: ``24h`` or ``session``. ``name`` is the one
    that people know it by; ``session`` is None where trading never pauses, and where the calendar does not reach.
    """

    symbol: str
    base: str
    quote: str
    venue_symbol: str
    venue_id: str | None = None
    status: str | None = None
    price_scale: int | None = None
    size_scale: int | None = None
    statistics_window: str = "24h"
    name: str | None = None
    session: SessionWindow | None = None
