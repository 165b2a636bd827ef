"""Where the feed was interrupted, per subscription: what must be disclosed when it speaks again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_ingest_btcturk.protocol import ALL, VENUE
from spark_market.messages import Gap


@dataclass(frozen=True)
class _Break:
    since: int
    cause: str


class Continuity:
    """Knows, of each joined event, up to when it was heard and whether it has been heard since the last break."""

    def __init__(self, events: Iterable[str], known_until: Mapping[str, int]) -> None:
        """``known_until`` (ms) is, by event, how far whoever wrote before us came; empty when nobody did."""
        self._events = tuple(events)
        self._heard: dict[str, int] = {}
        self._breaks = {event: _Break(until, "start") for event, until in known_until.items()}

    def interrupted(self, cause: str) -> None:
        """The connection is gone: from when each event was last heard on, something may be missing."""
        for event in self._events:
            if event not in self._breaks and event in self._heard:
                self._breaks[event] = _Break(self._heard[event], cause)

    def hear(self, event: str, symbol: str, received_at: int) -> Gap | None:
        """Data of ``event`` came; return the gap that it ends, if there is one, to be published before it."""
        self._heard[event] = received_at
        if not self._breaks:  # as it nearly always is
            return None
        ended = self._breaks.pop(event, None)
        if ended is None:
            return None
        return Gap(
            venue=VENUE,
            channel="ticker",
            symbol=None if event == ALL else symbol,
            from_=min(ended.since, received_at),
            to=received_at,
            cause=ended.cause,
        )

    def mute(self, now: int, after_ms: int) -> list[str]:
        """Return the events that were heard on this connection, but not for ``after_ms``."""
        return [event for event, at in self._heard.items() if event not in self._breaks and now - at > after_ms]

    def unheard(self) -> list[str]:
        """Return the events that wait for data since the last break, or have never brought any."""
        return [event for event in self._events if event in self._breaks or event not in self._heard]
