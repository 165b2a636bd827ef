"""The instruments of the simulated exchange: those that people know first, then invented ones that look like them."""

from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Final

from spark_simulator.bist import names

SYMBOLS: Final = 600
_BUSIEST_SHARES: Final = 60_000_000  # a day, in the share that is traded most
_PAUSE_GROWS: Final = 1.025  # with each rank: the first trades every two seconds, the last a few times a day
_FIRST_PAUSE_MS: Final = 2_000.0
_LONGEST_PAUSE_MS: Final = 2.5 * 3600 * 1000
_INDEX_PAUSE_MS: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class Instrument:
    """One share or index. ``price`` is kuruş, about which it goes; ``pause_ms`` is from trade to trade on average.

    ``shares`` are what is traded on an ordinary day, none for an index.
    """

    symbol: str
    name: str
    price: int
    pause_ms: float
    shares: int
    index: bool = False


def catalogue(seed: int) -> list[Instrument]:
    """Return 600 instruments: indices first, then shares from the most to the least traded."""
    indices = [
        Instrument(symbol, name, price * 100, _INDEX_PAUSE_MS, 0, index=True)
        for symbol, name, price in _listed(names.INDICES)
    ]
    known = _listed(names.SHARES)
    invented = _invented(seed, {symbol for symbol, _, _ in known}, SYMBOLS - len(indices) - len(known))
    return indices + [
        Instrument(
            symbol,
            name,
            price * 100,
            min(_FIRST_PAUSE_MS * _PAUSE_GROWS**rank, _LONGEST_PAUSE_MS),
            max(2_000, int(_BUSIEST_SHARES / (1 + rank / 4) ** 1.5 * 100 / (50 + price))),
        )
        for rank, (symbol, name, price) in enumerate(known + invented)
    ]


def _listed(text: str) -> list[tuple[str, str, int]]:
    rows = (line.split("|") for line in text.split("\n") if line)
    return [(symbol, name, int(price)) for symbol, name, price in rows]


def _invented(seed: int, taken: set[str], count: int) -> list[tuple[str, str, int]]:
    random = Random(f"names:{seed}")  # noqa: S311 - a market, no secret
    names_left = [f"{town} {trade}" for town, trade in product(names.TOWNS, names.TRADES)]
    random.shuffle(names_left)
    made: list[tuple[str, str, int]] = []
    for name in names_left[:count]:
        town, trade = name.split()
        stem = town[:3] + trade[0]
        symbol = next(code for letter in "ABCDEFGHIJKLMNOPRSTUVYZ" if (code := stem + letter) not in taken)
        taken.add(symbol)
        made.append((symbol, name, round(2 * 1.7 ** (random.random() * 11))))
    return made
