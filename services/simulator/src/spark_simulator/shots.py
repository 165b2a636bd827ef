"""Faults that hit the next frames of one channel of one pair, and are over."""

import re
import time
from typing import Protocol

import msgspec

from spark_simulator.book import DELETED, NEW, UPDATED, WINDOW
from spark_simulator.frames import Frame
from spark_simulator.market import PairMarket
from spark_simulator.row import decimals

_PRICE = re.compile(r'("(?:LA|P)":)"[^"]*"')
_FALSE_SIZE = "1"


class Shot(Protocol):
    """One fault; ``left`` is how often it will still act."""

    fault: str
    left: int

    def apply(self, frame: Frame) -> list[Frame]:
        """Return what is sent instead of ``frame``."""
        ...


class _Counted:
    fault: str

    def __init__(self, count: int) -> None:
        self.left = count


class Dropped(_Counted):
    """The frame is not sent."""

    fault = "drop"

    def apply(self, frame: Frame) -> list[Frame]:
        """Send nothing."""
        self.left -= 1
        return []


class Duplicated(_Counted):
    """The frame is sent twice."""

    fault = "duplicate"

    def apply(self, frame: Frame) -> list[Frame]:
        """Send it, and send it again."""
        self.left -= 1
        return [frame, frame.altered(frame.text, self.fault)]


class Reordered(_Counted):
    """The frame is sent after the next one."""

    fault = "reorder"

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._held: Frame | None = None

    def apply(self, frame: Frame) -> list[Frame]:
        """Keep the first of two, and send it behind the second."""
        if self._held is None:
            self._held = frame
            return []
        self.left -= 1
        held, self._held = self._held, None
        return [frame, held.altered(held.text, self.fault)]


class Halved(_Counted):
    """Half of the frame's text is sent."""

    fault = "half"

    def apply(self, frame: Frame) -> list[Frame]:
        """Cut it."""
        self.left -= 1
        return [frame.altered(frame.text[: len(frame.text) // 2], self.fault)]


class Misnumbered(_Counted):
    """A price of the frame is not what it should be."""

    fault = "bad_number"

    def __init__(self, count: int, number: str) -> None:
        super().__init__(count)
        self._json = msgspec.json.encode(number).decode()

    def apply(self, frame: Frame) -> list[Frame]:
        """Write the given text for the first price, a ticker's last."""
        text, found = _PRICE.subn(lambda match: match[1] + self._json, frame.text, count=1)
        if not found:
            return [frame]
        self.left -= 1
        return [frame.altered(text, self.fault)]


class Miscoded(_Counted):
    """A change of a 432 carries another code."""

    fault = "anomaly"

    def __init__(self, count: int, code: int, instead_of: int) -> None:
        super().__init__(count)
        self._wrong, self._right = f'{{"CP":{code},', f'{{"CP":{instead_of},'

    def apply(self, frame: Frame) -> list[Frame]:
        """Change the first code that can be; without one, wait for another frame."""
        if self._right not in frame.text:
            return [frame]
        self.left -= 1
        return [frame.altered(frame.text.replace(self._right, self._wrong, 1), self.fault)]


class DeletedTwice(_Counted):
    """A 432 deletes a level that is not there."""

    fault = "anomaly"

    def __init__(self, count: int, market: PairMarket) -> None:
        super().__init__(count)
        self._market = market

    def apply(self, frame: Frame) -> list[Frame]:
        """Add the deletion of an ask at a price that neither the book nor the frame has."""
        asks, scale = self._market.book.asks, self._market.pair.price_scale
        price = asks.best
        while price in asks.sizes or f'"P":"{decimals(price, scale)}"' in frame.text:
            price += 1
        self.left -= 1
        return [frame.altered(_with_change(frame.text, "AO", DELETED, decimals(price, scale)), self.fault)]


class Crossed:
    """A 432 brings a bid above the best ask, and a later one may take it away.

    It takes the place of the furthest bid, for a window with one level too many would be another fault.
    """

    fault = "cross"

    def __init__(self, market: PairMarket, seconds: float | None) -> None:
        market.book.bids.window = WINDOW - 1
        self.left = 1
        self._market = market
        self._seconds = seconds
        self._price: int | None = None
        self._until = 0.0

    def apply(self, frame: Frame) -> list[Frame]:
        """Add the false bid; when its time has passed, its deletion."""
        if self._price is None:
            asks = self._market.book.asks
            self._price = asks.keys[len(asks.keys) // 4]
            self._until = time.monotonic() + (self._seconds or 0)
            self.left = 1 if self._seconds else 0
            return [self._told(frame, NEW, self._price)]
        if time.monotonic() < self._until:
            return [frame]
        self.left = 0
        self._market.book.bids.window = WINDOW
        if -self._price in self._market.book.bids.sizes:  # the market has come to bid this much
            return [frame]
        return [self._told(frame, DELETED, self._price)]

    def _told(self, frame: Frame, code: int, price: int) -> Frame:
        text = _with_change(frame.text, "BO", code, decimals(price, self._market.pair.price_scale))
        return frame.altered(text, self.fault)


def miscoded(count: int, kind: str) -> Miscoded:
    """Return the shot that says new for updated, or updated for new."""
    return Miscoded(count, NEW, UPDATED) if kind == "insert_held" else Miscoded(count, UPDATED, NEW)


def _with_change(text: str, side: str, code: int, price: str) -> str:
    """Return a 432 with one more change, in front of a side's others."""
    change = f'{{"CP":{code},"P":"{price}","A":"{_FALSE_SIZE}"}}'
    head, opening, tail = text.partition(f'"{side}":[')
    return head + opening + (change if tail.startswith("]") else f"{change},") + tail
