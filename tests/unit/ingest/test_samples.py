"""Conformance to published recordings of the venue's feed, where the file of them is at hand.

It is no part of the project, so its absence skips these tests everywhere: the frames under ``tests/frames`` stand in.
"""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spark_ingest_btcturk.protocol import ALL, BtcTurkProtocol, MalformedFrame
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Ticker
from support.examples import NOON

_DEFAULT = Path(__file__).parents[4] / "shared" / "protocols" / "btcturk-samples.jsonl"
SAMPLES = Path(os.environ.get("SPARK_TEST_SAMPLES") or _DEFAULT)
LETTERS = {
    "price": "LA", "bid": "B", "ask": "A", "bid_size": "BA", "ask_size": "AA", "open": "O", "high": "H", "low": "L",
    "volume": "V", "vwap": "AV",
}  # fmt: skip


class _Line(msgspec.Struct):
    kind: str
    direction: str
    about: str
    payload: msgspec.Raw


def frames() -> list[tuple[str, bytes]]:
    """Return what each frame is said to be, and its bytes exactly as recorded."""
    if not SAMPLES.is_file():
        pytest.skip(f"no recordings at hand; name their file in SPARK_TEST_SAMPLES (looked for {SAMPLES.name})")
    lines = [msgspec.json.decode(line, type=_Line) for line in SAMPLES.read_bytes().splitlines() if line]
    return [(line.about, bytes(line.payload)) for line in lines if (line.kind, line.direction) == ("ws", "in")]


def test_every_recorded_frame_is_understood() -> None:
    """No frame that the venue was ever seen to send is malformed to us, or of an unknown type."""
    found = frames()
    assert found
    for about, frame in found:
        received = BtcTurkProtocol(Mode.REAL, [ALL]).receive(frame, NOON)
        assert received.malformed == (), about
        assert received.kind != "other", about


def test_every_recorded_ticker_is_exact() -> None:
    """Each figure is the very number that the recording's text has, there and on the wire."""
    checked = 0
    for about, frame in frames():
        kind, body = json.loads(frame, parse_float=Decimal)
        if kind not in (401, 402):
            continue
        rows = body["items"] if kind == 401 else [body]
        tickers = BtcTurkProtocol(Mode.REAL, [ALL]).receive(frame, NOON).tickers
        assert [ticker.symbol.replace("_", "") for ticker in tickers] == [row["PS"] for row in rows], about
        for row, ticker in zip(rows, tickers, strict=True):
            _check(row, ticker, about)
            checked += 1
    assert checked > 0


def _check(row: dict[str, Any], ticker: Ticker, about: str) -> None:
    on_the_wire = json.loads(wire.encode(ticker), parse_float=Decimal, parse_int=Decimal)["data"]
    for name, letter in LETTERS.items():
        figure = getattr(ticker, name)
        expected = None if row.get(letter) is None else Decimal(str(row[letter]))
        assert figure == expected, f"{about}: {letter}"
        assert on_the_wire[msgspec.structs.fields(Ticker)[_position(name)].encode_name] == expected, (
            f"{about}: {letter}"
        )


def _position(name: str) -> int:
    return [field.name for field in msgspec.structs.fields(Ticker)].index(name)


def test_each_recorded_ticker_of_a_pair_is_refused_on_another_pairs_event() -> None:
    for about, frame in frames():
        kind, body = json.loads(frame)
        if kind == 402:
            with pytest.raises(MalformedFrame):
                BtcTurkProtocol(Mode.REAL, [ALL]).receive(json.dumps([kind, {**body, "event": "OTHER"}]), NOON)
            assert about
