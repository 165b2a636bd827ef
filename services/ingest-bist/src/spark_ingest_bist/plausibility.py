"""From what a vendor's rows say to a quote: with a price, and with nothing in it that cannot be."""

from decimal import Decimal
from typing import Any

from spark_ingest_bist.quotes import Malformed, Quote
from spark_ingest_bist.vendormodel import Plausible
from spark_ingest_bist.vendorrows import BadRow, Told

_LIMITS = ("lower_limit", "upper_limit")


class Judge:
    """Makes quotes."""

    def __init__(self, plausible: Plausible) -> None:
        self._swap = plausible.bid_over_ask == "swap"
        self._within = None if plausible.within is None else Decimal(str(plausible.within))

    def quote(self, symbol: str, told: Told, venue_time: int | None) -> tuple[Quote, Malformed | None]:
        """Return the quote, and what had to be left out of it. Raises BadRow (no_price, implausible)."""
        price = told.get("price")
        if price is None:
            raise BadRow("no_price", "there is none, or it is 0")
        self._check(price, told)
        said: dict[str, Any] = {name: value for name, value in told.items() if name not in _LIMITS}
        left_out = None
        bid, ask = said.get("bid"), said.get("ask")
        if bid is not None and ask is not None and bid > ask:
            if self._swap:
                said |= {"bid": ask, "ask": bid, "bid_size": said.get("ask_size"), "ask_size": said.get("bid_size")}
            else:
                said |= {"bid": None, "ask": None, "bid_size": None, "ask_size": None}
                left_out = Malformed("crossed", f"bid {bid} above ask {ask}: both left out", symbol)
        return Quote(symbol=symbol, venue_time=venue_time, **said), left_out

    def _check(self, price: Decimal, told: Told) -> None:
        lower, upper = (told.get(name) for name in _LIMITS)
        if (lower is not None and price < lower) or (upper is not None and price > upper):
            raise BadRow("implausible", f"{price} is outside the day's limits, {lower} to {upper}")
        close = told.get("previous_close")
        if self._within is not None and close and abs(price / close - 1) * 100 > self._within:
            raise BadRow("implausible", f"{price} is more than {self._within} % away from the previous close, {close}")
