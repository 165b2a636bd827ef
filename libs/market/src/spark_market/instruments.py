"""What trades where: a venue, our symbol for an instrument, and what the venue tells of it."""

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """How the data came to be. It is on every tick, so simulated data never passes for real."""

    REAL = "real"
    DELAYED = "delayed"
    MOCK = "mock"


class Instrument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One instrument of a venue's directory.

    ``venue_id`` is the venue's own number for it and ``status`` its word for how it trades; these two, and the decimals
    after the point ``price_scale`` and ``size_scale``, are None when the venue did not say.
    ``statistics_window`` is what open, high, low, volume and vwap cover: ``24h`` or ``session``.
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
