"""Times of Istanbul, and a quote, as tests write them."""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from spark_ingest_bist.quotes import Quote
from spark_market.sessions import Calendar, bist

MINUTE = 60_000
DELAY = 15 * MINUTE


def at(text: str) -> int:
    """Return a time of Istanbul, ``2026-04-27 10:05``, in ms UTC."""
    return int(datetime.fromisoformat(f"{text}+03:00").timestamp() * 1000)


@cache
def calendar() -> Calendar:
    return bist()


def quote(price: str = "304.25", **more: Any) -> Quote:
    """Return a quote of THYAO on a Monday in April."""
    fields: dict[str, Any] = {"symbol": "THYAO", "venue_time": at("2026-04-27 10:05"), **more}
    words = ("symbol", "name")
    exact: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) and name not in words else value
        for name, value in fields.items()
    }
    return Quote(price=Decimal(price), **exact)
