"""What a venue's ingest has heard, as the monitor finds it on the bus once a second."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is known of a venue's words at one moment.

    ``heard`` is the bus's hash as it is. It, ``sent_at`` (the last heartbeat's) and ``connected_since`` are of the
    ingest's clock, in ms; ``beat_age_s`` is how old that heartbeat is. ``stepped`` says that that clock was set
    meanwhile. ``polled_every_s`` is None for a venue that sends by itself; of another ``moved`` are the symbols whose
    ticker came with news since the reading before, with the monotonic time (s) of that. ``trading`` is whether words
    can be expected now at all, ``closed`` whether the market is, and ``phase`` the part of its session.
    """

    heard: Mapping[bytes, bytes]
    sent_at: int
    beat_age_s: float = 0.0
    connected: bool = True
    connected_since: int | None = None
    stepped: bool = False
    unproven: tuple[str, ...] = ()
    polled_every_s: float | None = None
    moved: Mapping[str, float] = field(default_factory=dict)
    phase: str = "continuous"
    trading: bool = True
    closed: bool = False


def milliseconds(text: bytes) -> int:
    """Return a time as the bus has it; 0 for what is none."""
    return int(text) if text.isdigit() and len(text) < 20 else 0
