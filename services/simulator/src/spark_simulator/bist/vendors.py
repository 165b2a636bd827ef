"""The answers of the vendors that are asked over HTTP, each in its own shape."""

from collections.abc import Sequence
from typing import Any

from spark_simulator.bist.figures import change, lira, local, price_of, text, turkish
from spark_simulator.bist.grid import step
from spark_simulator.bist.view import Row


def ideal(rows: Sequence[Row]) -> Any:
    """İdeal's SembolVeri1: single letters, all texts, nothing for what an index does not have."""
    return [_ideal(row) for row in rows]


def _ideal(row: Row) -> dict[str, Any]:
    quote, when = row.quote, local(row.quote.time)
    bare = row.nulls == "others"

    def figure(kurus: int | None) -> str | None:
        return None if bare else text(kurus)

    return {
        "a": None if row.nulls == "time" else when.strftime("%d/%m/%Y"),
        "b": None if row.nulls == "time" else when.strftime("%H%M%S"),
        "c": quote.symbol,
        "d": None if bare else quote.name,
        "e": row.number if row.number is not None else None if row.nulls == "price" else text(quote.price),
        "f": figure(quote.previous_close),
        "g": figure(quote.bid),
        "h": figure(quote.ask),
        "i": None if bare else f"{change(row)[1]:.2f}",
        "j": figure(quote.high),
        "k": figure(quote.low),
    }


def ideal_error(code: str, words: str) -> Any:
    """What İdeal says besides the status."""
    message = {"errorText": words, "errorCode": code, "isError": True}
    return {"message": message | {"resultText": None, "resultOk": False, "resultCode": None}}


def collectapi(rows: Sequence[Row]) -> Any:
    """CollectAPI's list of shares: numbers, and the same as Turks write them."""
    return {"success": True, "result": [_collectapi(row) for row in rows]}


def _collectapi(row: Row) -> dict[str, Any]:
    quote = row.quote
    bare = row.nulls == "others"
    price = price_of(row)
    return {
        "rate": None if bare else change(row)[1],
        "lastprice": price,
        "lastpricestr": row.number if row.number is not None else None if price is None else turkish(quote.price),
        "hacim": None if bare else lira(quote.turnover),
        "hacimstr": None if bare or quote.turnover is None else turkish(quote.turnover),
        "min": None if bare else lira(quote.low),
        "minstr": None if bare else turkish(quote.low),
        "max": None if bare else lira(quote.high),
        "maxstr": None if bare else turkish(quote.high),
        "time": None if row.nulls == "time" else local(quote.time).strftime("%H:%M"),
        "text": None if bare else quote.name,
        "code": quote.symbol,
    }


def bigpara(number: int, row: Row) -> Any:
    """Bigpara's ``hisseYuzeysel``: one share, ``number`` being its id there."""
    quote = row.quote
    difference, percent = change(row)
    told: dict[str, Any] = {
        "sembolid": number,
        "sembol": quote.symbol,
        "tarih": None if row.nulls == "time" else local(quote.time).strftime("%Y-%m-%dT%H:%M:%S"),
        "alis": lira(quote.bid),
        "satis": lira(quote.ask),
        "acilis": lira(quote.open),
        "yuksek": lira(quote.high),
        "dusuk": lira(quote.low),
        "kapanis": price_of(row),
        "hacimlot": quote.volume,
        "hacimtl": lira(quote.turnover),
        "aort": None if quote.vwap is None else quote.vwap / 10_000,
        "dunkukapanis": lira(quote.previous_close),
        "tavan": lira(quote.upper),
        "taban": lira(quote.lower),
        "fiyatadimi": lira(step(quote.price)),
        "yuzdedegisim": percent,
        "net": lira(difference),
        "aciklama": quote.name,
    }
    return {"code": "0", "data": {"hisseYuzeysel": bared(told, row, ("sembolid", "sembol", "tarih", "kapanis"))}}


def oneendeks(rows: Sequence[Row]) -> Any:
    """İş Yatırım's OneEndeks; the offset of its time has no minutes."""
    return [_oneendeks(row) for row in rows]


def _oneendeks(row: Row) -> dict[str, Any]:
    quote, when = row.quote, local(row.quote.time)
    stamp = f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+03"
    told: dict[str, Any] = {
        "symbol": quote.symbol,
        "last": price_of(row),
        "open": lira(quote.open),
        "high": lira(quote.high),
        "low": lira(quote.low),
        "dayClose": lira(quote.previous_close),
        "bid": lira(quote.bid),
        "ask": lira(quote.ask),
        "volume": lira(quote.turnover),
        "quantity": quote.volume,
        "weekClose": lira(quote.previous_close),
        "monthClose": lira(quote.previous_close),
        "yearClose": lira(quote.previous_close),
        "updateDate": None if row.nulls == "time" else stamp,
    }
    return bared(told, row, ("symbol", "last", "updateDate"))


def bared(told: dict[str, Any], row: Row, kept: Sequence[str]) -> dict[str, Any]:
    """Return ``told`` with null for all but what is ``kept``, if that is what is wrong with the row."""
    if row.nulls != "others":
        return told
    return {key: value if key in kept else None for key, value in told.items()}
