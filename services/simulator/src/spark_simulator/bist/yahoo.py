"""Yahoo's answers: the batch of sparks, and the chart of one symbol."""

from collections.abc import Sequence
from typing import Any, Final

from spark_simulator.bist.figures import is_noisy, lira, noisy, price_of
from spark_simulator.bist.market import BistMarket, Quote
from spark_simulator.bist.sources import YAHOO_DELAY_MS
from spark_simulator.bist.view import Row

MOST_SYMBOLS: Final = 20
SUFFIX: Final = ".IS"
_MINUTES: Final = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60}
_MOST_BARS: Final = 1440
_MINUTE_MS: Final = 60_000
_TELLS_TIME: Final = "time"


def spark_answer(market: BistMarket, symbols: Sequence[str], now_ms: int, delay_ms: int = YAHOO_DELAY_MS) -> Any:
    """Return the spark answer for our symbols at ``now_ms`` of the market's clock, as if nothing were wrong."""
    quotes = [market.quote(symbol, now_ms - delay_ms) for symbol in symbols]
    return spark([Row(quote) for quote in quotes if quote is not None])


def spark(rows: Sequence[Row]) -> Any:
    """Return a batch's answer."""
    return {"spark": {"result": [_spark(row) for row in rows], "error": None}}


def error(envelope: str, code: str, description: str) -> Any:
    """Return an error in the envelope ``spark`` or ``chart``."""
    return {envelope: {"result": None, "error": {"code": code, "description": description}}}


def chart(market: BistMarket, row: Row, interval: str, begins_ms: int, until_ms: int) -> Any:
    """Return the chart of one symbol: the bars from ``begins_ms`` to ``until_ms``, and what its meta says."""
    times, bars = _bars(market, row, _MINUTES.get(interval, 1) * _MINUTE_MS, begins_ms, until_ms)
    return {
        "chart": {
            "result": [{"meta": meta(row), "timestamp": times, "indicators": {"quote": [bars]}}],
            "error": None,
        }
    }


def meta(row: Row) -> dict[str, Any]:
    """Return what is told of a symbol beside its bars."""
    quote = row.quote
    told: dict[str, Any] = {
        "currency": "USD" if row.foreign else "TRY",
        "symbol": quote.symbol + SUFFIX,
        "exchangeName": "NMS" if row.foreign else "IST",
        "fullExchangeName": "NasdaqGS" if row.foreign else "Istanbul",
        "instrumentType": "INDEX" if quote.bid is None else "EQUITY",
        "regularMarketTime": None if row.nulls == _TELLS_TIME else quote.time // 1000,
        "gmtoffset": 10800,
        "timezone": "TRT",
        "exchangeTimezoneName": "Europe/Istanbul",
        "regularMarketPrice": price_of(row, noise=True),
        "priceHint": 2,
    }
    if row.nulls == "others":
        nothing = ("regularMarketDayHigh", "regularMarketDayLow", "regularMarketVolume", "previousClose")
        return told | dict.fromkeys((*nothing, "chartPreviousClose", "longName", "shortName"))
    told |= {
        "regularMarketDayHigh": _rough(quote.high, row),
        "regularMarketDayLow": _rough(quote.low, row),
        "chartPreviousClose": lira(quote.previous_close),
        "previousClose": lira(quote.previous_close),
        "longName": quote.name,
        "shortName": quote.name[:16],
    }
    if quote.volume is not None:
        told["regularMarketVolume"] = quote.volume
    return told


def _rough(kurus: int, row: Row) -> float:
    return noisy(kurus / 100) if is_noisy(row) else kurus / 100


def _spark(row: Row) -> dict[str, Any]:
    told = meta(row)
    bar = {"close": [told["regularMarketPrice"]]}
    response = {"meta": told, "timestamp": [told["regularMarketTime"]], "indicators": {"quote": [bar]}}
    return {"symbol": told["symbol"], "response": [response]}


def _bars(
    market: BistMarket, row: Row, length_ms: int, begins_ms: int, until_ms: int
) -> tuple[list[int], dict[str, list[float | int | None]]]:
    """Return bars as seen at their ends; one without a trade is null, and so is every other one of a row with nulls."""
    keys = ("open", "high", "low", "close", "volume")
    bars: dict[str, list[float | int | None]] = {key: [] for key in keys}
    times: list[int] = []
    before: Quote | None = None
    until_ms = min(until_ms, begins_ms + _MOST_BARS * length_ms)
    for start in range(begins_ms, until_ms, length_ms):
        quote = market.quote(row.quote.symbol, min(start + length_ms, until_ms) - 1)
        if quote is None:
            continue
        times.append(start // 1000)
        if quote.time < start or (row.nulls is not None and len(times) % 2 == 0):
            values: tuple[float | int | None, ...] = (None,) * len(keys)
        else:
            first = quote.open if before is None or before.time < begins_ms else before.price
            so_far = before.volume or 0 if before is not None and before.time >= begins_ms else 0
            high, low = max(first, quote.price), min(first, quote.price)
            values = (first / 100, high / 100, low / 100, quote.price / 100, (quote.volume or 0) - so_far)
        for key, value in zip(keys, values, strict=True):
            bars[key].append(value)
        before = quote
    return times, bars
