"""The pairs of the venue: 190 quoted in TRY and 189 in USDT, with ids and scales as the venue has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from spark_simulator import coins

# What is known of the venue's numbers; every other pair gets the next number that is free.
_IDS = {
    "BTCTRY": 1, "ETHTRY": 2, "XRPTRY": 3, "USDTTRY": 18, "BTCUSDT": 19, "ETHUSDT": 20, "XLMTRY": 31, "DASHUSDT": 44,
    "ATOMTRY": 48, "XTZTRY": 51, "ADATRY": 57, "AVAXTRY": 100, "AAVETRY": 131, "ARPAUSDT": 223, "HNTUSDT": 317,
}  # fmt: skip
_PRICE_SCALES = {"AAVETRY": 2}
_TICKS = {"BTCTRY": "10"}  # an order's tick: quotes have every digit of the price scale all the same
_SIZE_SCALES = {"BTC": 8, "ETH": 8, "LTC": 8, "USDT": 2}
_FIRST_ORDER = {"TRY": 1000, "USDT": 2000}
_LATER_ORDER = 3000  # BTC and whatever a recording brings


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One pair as exchangeinfo tells of it.

    ``reference_price`` is a price to start from; ``order`` is the rank on the venue's screens.
    """

    id: int
    base: str
    quote: str
    price_scale: int
    size_scale: int
    tick: str
    order: int
    reference_price: Decimal

    @property
    def symbol(self) -> str:
        """The feed's spelling: ``BTCTRY``."""
        return self.base + self.quote

    @property
    def normalized(self) -> str:
        """The spelling that shows where the base ends: ``BTC_TRY``."""
        return f"{self.base}_{self.quote}"


def catalogue() -> list[Pair]:
    """Return all 379 pairs, the best known first; a pair's number and scales do not depend on how many are used."""
    taken = set(_IDS.values())
    free = (number for number in count(4) if number not in taken)
    ranks = {quote: count(first) for quote, first in _FIRST_ORDER.items()}
    pairs = []
    for base, quote, price in _prices():
        symbol = base + quote
        scale = _PRICE_SCALES.get(symbol, _price_scale(price))
        pairs.append(
            Pair(
                id=_IDS[symbol] if symbol in _IDS else next(free),
                base=base,
                quote=quote,
                price_scale=scale,
                size_scale=_SIZE_SCALES.get(base, 4),
                tick=_TICKS.get(symbol, tick(scale)),
                order=next(ranks[quote]),
                reference_price=price,
            )
        )
    return pairs


def made(base: str, quote: str, price: Decimal, id: int) -> Pair:
    """Return a pair that the catalogue does not know, as if it were new at the venue."""
    scale = _price_scale(price)
    return Pair(
        id=id,
        base=base,
        quote=quote,
        price_scale=scale,
        size_scale=_SIZE_SCALES.get(base, 4),
        tick=tick(scale),
        order=rank(quote, id),
        reference_price=price,
    )


def _prices() -> Iterator[tuple[str, str, Decimal]]:
    """Yield base, quote and price: the four pairs everybody knows, then coin by coin."""
    usdt = coins.prices()
    famous = ["BTC", "ETH", "XRP"]
    others = [coin for coin in usdt if coin not in famous]
    for coin in famous:
        yield coin, "TRY", usdt[coin] * coins.LIRA_PER_USDT
    yield "USDT", "TRY", coins.LIRA_PER_USDT
    for coin in famous:
        yield coin, "USDT", usdt[coin]
    for coin in others:
        yield coin, "TRY", usdt[coin] * coins.LIRA_PER_USDT
        yield coin, "USDT", usdt[coin]


def _price_scale(price: Decimal) -> int:
    """Return decimals enough for five digits of ``price``: 34.706, but 3780291."""
    return max(0, 4 - price.adjusted())


def tick(price_scale: int) -> str:
    """Return the smallest step at ``price_scale``: 1, 0.1, 0.01."""
    return format(Decimal(1).scaleb(-price_scale), "f")


def rank(quote: str, nth: int) -> int:
    """Return the order number of the ``nth`` pair of a quote currency."""
    return _FIRST_ORDER.get(quote, _LATER_ORDER) + nth
