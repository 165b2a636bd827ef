"""Frames that no client can use: each is wrong in a way of its own."""

from collections.abc import Iterator
from itertools import cycle, islice

from spark_simulator import frames
from spark_simulator.frames import MALFORMED, Frame
from spark_simulator.row import Row

_DEPTH = 20_000  # brackets; far beyond any parser's patience


def some(count: int, symbol: str, row: Row) -> list[Frame]:
    """Return ``count`` malformed frames about one pair, of as many kinds as there are, over and over."""
    return [Frame(MALFORMED, symbol, text) for text in islice(cycle(_kinds(symbol, row)), count)]


def _kinds(symbol: str, row: Row) -> Iterator[str]:
    good = frames.ticker(symbol, row).text
    yield "this is not JSON"
    yield good[: len(good) // 2]
    yield _with(symbol, row, LA='"NaN"')
    yield _with(symbol, row, LA='"-1"', B='"-2"', A='"-1"')
    yield _with(symbol, row, LA='["1"]', B="true", A="{}", PS="7")
    yield _with(symbol, row, LA='"1e999999999"')
    yield "[402," + "[" * _DEPTH + "]" * _DEPTH + "]"
    yield _with(symbol, row, LA='"Infinity"')
    yield _with(symbol, row, LA='""')
    yield _with(symbol, row, LA='"1_000"')
    yield _with(symbol, row, LA='"١٢٣"')  # digits to Unicode, not to a venue
    yield _with(symbol, row, LA="null")
    yield _with(symbol, row, PS='"\\ud800"', event='"\\ud800"')  # half of a surrogate pair
    yield _with(symbol, {key: value for key, value in row.items() if key != "LA"})
    yield "[402,null]"
    yield '[402,{"items":[]}]'
    yield '["402",{}]'
    yield '{"type":402}'
    yield "[]"
    yield "null"
    yield ""


def _with(symbol: str, row: Row, *, event: str | None = None, **values: str) -> str:
    members = row | values | {"channel": '"ticker"', "event": event or f'"{symbol}"', "type": "402"}
    return "[402,{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}]"
