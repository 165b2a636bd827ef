"""The live feed: each pair's ticker at its own moment of the interval, whether anything changed or not."""

import asyncio

from spark_simulator import frames
from spark_simulator.connection import Connection
from spark_simulator.faults import Faults
from spark_simulator.feed import ALL, TICKER, Feed, publish
from spark_simulator.frames import Frame
from spark_simulator.market import Market

_LEAST_SLOT_MS = 5  # waking up more often than this costs more than the frames do


class Live:
    """Walks the market and tells of it."""

    def __init__(self, market: Market, feed: Feed, faults: Faults, interval_ms: int) -> None:
        self._market = market
        self._feed = feed
        self._faults = faults
        self._interval_s = interval_ms / 1000
        self._slots = _spread([pair.symbol for pair in market.pairs] + [ALL], interval_ms)
        self._frames: dict[str, Frame] = {}  # a pair's frame stays the same, byte for byte, until the pair changes

    async def run(self) -> None:
        """Go on until cancelled, through every silence."""
        loop = asyncio.get_running_loop()
        slot_s = self._interval_s / len(self._slots)
        due = loop.time()
        while True:
            for slot in self._slots:
                due += slot_s
                late_s = loop.time() - due
                if late_s > self._interval_s:  # the machine slept or is too slow: go on from here, without a burst
                    due += late_s
                await asyncio.sleep(max(0.0, -late_s))
                for event in slot:
                    self._tell(event)

    def joined(self, connection: Connection) -> None:
        """Do nothing: a first packet comes at the event's next moment, as from the venue."""

    def left(self, connection: Connection) -> None:
        """Do nothing: nothing is kept for a connection."""

    def _tell(self, event: str) -> None:
        if event != ALL and self._market.step(event):
            self._frames.pop(event, None)
        members = self._feed.members(TICKER, event)
        if members and not self._faults.silent:
            publish(self._all() if event == ALL else self._pair(event), members)

    def _pair(self, symbol: str) -> Frame:
        frame = self._frames.get(symbol)
        if frame is None:
            frame = self._frames[symbol] = frames.ticker(symbol, self._market.row(symbol))
        return frame

    def _all(self) -> Frame:
        return frames.all_tickers(self._market.row(pair.symbol) for pair in self._market.pairs)


def _spread(events: list[str], interval_ms: int) -> list[list[str]]:
    """Return the events in slots of equal length that fill the interval."""
    number = min(len(events), max(1, interval_ms // _LEAST_SLOT_MS))
    return [events[len(events) * nth // number : len(events) * (nth + 1) // number] for nth in range(number)]
