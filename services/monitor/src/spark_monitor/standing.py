"""How a venue's subscriptions stand: a verdict for each, with the reason in words where one is mute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

MOST_NAMED: Final = 5


class Heard(StrEnum):
    """The verdict on one subscription, from the best to the worst."""

    FRESH = "fresh"
    """Heard within its limit."""
    CLOSED = "closed"
    """Its market is."""
    QUIET = "quiet"
    """Silent, as it often is; or all its neighbours are as silent; or too little is known of it, or is to be heard."""
    NEVER = "never"
    """Not heard on this connection, though it should have been."""
    MUTE = "mute"
    """Silent against its own rhythm, while its neighbours speak."""


@dataclass(frozen=True)
class Mute:
    """A subscription such as ``trade:XRP_TRY``, or a channel, that is mute: since when (ms, ingest's clock), and why.

    One that is ``frozen`` is answered, by a source that is asked, always with the same.
    """

    subscription: str
    since: int
    reason: str
    frozen: bool = False


@dataclass(frozen=True)
class Standing:
    """All of a venue's. ``by_channel`` and ``instruments`` count by verdict; an instrument has its channels' worst.

    ``mute`` are subscriptions, sorted, without those of ``channels``: of these hardly anything is heard at all.
    """

    by_channel: Mapping[str, Mapping[Heard, int]] = field(default_factory=dict)
    instruments: Mapping[Heard, int] = field(default_factory=dict)
    mute: tuple[Mute, ...] = ()
    channels: tuple[Mute, ...] = ()
    never: tuple[str, ...] = ()

    @property
    def troubles(self) -> tuple[Mute, ...]:
        """Whatever is mute."""
        return self.channels + self.mute


NOBODY: Final = Standing()


def named(parts: Iterable[str], most: int = MOST_NAMED) -> str:
    """Return some of ``parts``, and how many more there are."""
    every = list(parts)
    more = len(every) - most
    return ", ".join(every[:most]) + (f" and {more} more" if more > 0 else "")


def utc(ms: int | None) -> str:
    """Return a time for people."""
    if ms is None:
        return "an unknown time"
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):  # another's clock gone mad must not take the verdict with it
        return f"{ms} ms"


def span(seconds: float) -> str:
    """Return a length of time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"
