"""The frames of the vendors that send by themselves, each in its own shape."""

from typing import Any

import msgspec

from spark_simulator.bist.figures import change, lira, local, price_of
from spark_simulator.bist.vendors import bared
from spark_simulator.bist.view import Row

LAPLACE_HEARTBEAT = '{"t":"heartbeat","d":{}}'


def laplace(row: Row) -> str:
    """Laplace's ``pr``."""
    time = None if row.nulls == "time" else row.quote.time
    told = {"s": row.quote.symbol, "ch": change(row)[1], "p": price_of(row), "d": time}
    return _json({"t": "pr", "d": told})


def laplace_book(row: Row) -> str:
    """Laplace's ``ob``: the best bid and ask."""
    quote = row.quote
    time = None if row.nulls == "time" else quote.time
    return _json({"t": "ob", "d": {"d": time, "s": quote.symbol, "ask": lira(quote.ask), "bid": lira(quote.bid)}})


def algolab(row: Row) -> str:
    """AlgoLab's ``T``: the labels of bid and ask are swapped, as in its documented sample."""
    quote = row.quote
    difference, percent = change(row)
    told: dict[str, Any] = {
        "Symbol": quote.symbol,
        "Market": "IMKBX" if quote.bid is None else "IMKBH",
        "Price": price_of(row),
        "Change": lira(difference),
        "Ask": lira(quote.bid),
        "Bid": lira(quote.ask),
        "Date": None if row.nulls == "time" else local(quote.time).isoformat(timespec="seconds"),
        "ChangePercentage": percent,
        "High": lira(quote.high),
        "Low": lira(quote.low),
        "TradeQuantity": float(quote.bid_size or 0),
        "Direction": "S" if quote.price == quote.bid else "B",
        "RefPrice": lira(quote.reference),
        "BalancePrice": 0.0,
        "BalanceAmount": 0.0,
        "Buying": "XXXXX",
        "Selling": "XXXXX",
    }
    kept = ("Symbol", "Market", "Price", "Date", "Direction")
    return _json({"Type": "T", "Content": bared(told, row, kept)})


def algolab_depth(row: Row, *, buys: bool) -> str:
    """AlgoLab's ``D``: the best level of one side; its time has seven digits after the point."""
    quote, when = row.quote, local(row.quote.time)
    told = {
        "Symbol": quote.symbol,
        "Market": "IMKBH",
        "Direction": "B" if buys else "S",
        "Row": 0,
        "Quantity": quote.bid_size if buys else quote.ask_size,
        "Price": lira(quote.bid if buys else quote.ask),
        "OrderCount": 1,
        "Date": f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond * 10:07d}+03:00",
    }
    return _json({"Type": "D", "Content": told})


def _json(told: Any) -> str:
    return msgspec.json.encode(told).decode()
