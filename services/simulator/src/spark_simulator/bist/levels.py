"""What a share or index closes at on a day: a function of seed and date alone, so that no day needs the one before."""

from math import pi, sin
from random import Random
from zlib import crc32

from spark_simulator.bist.catalogue import Instrument
from spark_simulator.bist.grid import nearest

# Periods in trading days, and how far each wave goes. From one day to the next they make at most 1.2 % together, and
# the noise 1.8 %: even over a week of holidays nobody leaves the daily limits.
_WAVES = ((13.0, 0.006), (61.0, 0.015), (250.0, 0.06))
_NOISE = 0.009


class Waves:
    """A slow way up and down that never goes far."""

    def __init__(self, name: str) -> None:
        random = Random(name)  # noqa: S311 - a market, no secret
        self._waves = [(2 * pi / period, random.uniform(0, 2 * pi), size) for period, size in _WAVES]

    def at(self, number: int) -> float:
        """Return how far off the middle it is on a day."""
        return sum([size * sin(pace * number + phase) for pace, phase, size in self._waves])


class Levels:
    """Closing prices."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._all = Waves(f"market:{seed}")
        self._own: dict[str, Waves] = {}

    def close(self, instrument: Instrument, number: int) -> int:
        """Return what it closes at on the day with this number, in kuruş."""
        symbol = instrument.symbol
        if (own := self._own.get(symbol)) is None:
            own = self._own[symbol] = Waves(f"{symbol}:{self._seed}")
        noise = crc32(f"{self._seed}:{symbol}:{number}".encode()) / 2**31 - 1
        price = instrument.price * (1 + self._all.at(number) + own.at(number) + _NOISE * noise)
        return round(price) if instrument.index else nearest(price)
