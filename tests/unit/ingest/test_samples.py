"""Conformance to published recordings of the venue, where the file of them is at hand.

It is no part of the project, so its absence skips these tests everywhere: the frames under ``tests/frames`` stand in.
Each expectation is read from the recording's own text here, by other means than the protocol's.
"""

import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spark_ingest_btcturk import rest
from spark_ingest_btcturk.channels import ALL
from spark_ingest_btcturk.directory import read_exchangeinfo
from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame, join, leave
from spark_ingest_btcturk.received import (
    BookChanges,
    BookSnapshot,
    Ignored,
    Received,
    Result,
    Tickers,
    TradeList,
    TradeRow,
    TradeSingle,
)
from spark_ingest_btcturk.tickers import REST
from spark_market import wire
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Ticker
from support.examples import NOON

_DEFAULT = Path(__file__).parents[4] / "shared" / "protocols" / "btcturk-samples.jsonl"
SAMPLES = Path(os.environ.get("SPARK_TEST_SAMPLES") or _DEFAULT)
FEED = {
    "price": "LA", "bid": "B", "ask": "A", "bid_size": "BA", "ask_size": "AA", "open": "O", "high": "H", "low": "L",
    "volume": "V", "vwap": "AV",
}  # fmt: skip
OVER_REST = {
    "price": "last", "bid": "bid", "ask": "ask", "bid_size": "", "ask_size": "", "open": "open", "high": "high",
    "low": "low", "volume": "volume", "vwap": "average", "venue_time": "timestamp",
}  # fmt: skip
WIRE_NAMES = {field.name: field.encode_name for field in msgspec.structs.fields(Ticker)}
UNREAD = ("ohlc", "server/time", "server/ping", "klines")
"""Answers that become no message of ours: candles, and the venue's clock."""


class Sample(msgspec.Struct):
    """A line of the file; ``payload`` is the text of the frame or answer, exactly as recorded."""

    kind: str
    direction: str
    about: str
    payload: msgspec.Raw

    @property
    def text(self) -> bytes:
        return bytes(self.payload)

    @property
    def content(self) -> Any:
        """What it says, with numbers as exact as their text."""
        return json.loads(self.text, parse_float=Decimal)


def samples(kind: str, direction: str = "in") -> list[Sample]:
    if not SAMPLES.is_file():
        pytest.skip(f"no recordings at hand; name their file in SPARK_TEST_SAMPLES (looked for {SAMPLES.name})")
    lines = [msgspec.json.decode(line, type=Sample) for line in SAMPLES.read_bytes().splitlines() if line]
    found = [line for line in lines if (line.kind, line.direction) == (kind, direction)]
    assert found
    return found


def a_protocol() -> BtcTurkProtocol:
    """Return one that wants every pair that the recordings have a ticker of."""
    pairs = {}
    for sample in samples("ws"):
        kind, body = sample.content
        for row in body["items"] if kind == 401 else [body] if kind == 402 else []:
            pairs[row["PS"]] = row["NS"], row["DS"]
    for sample in samples("rest"):
        if "api/v2/ticker" in sample.about:
            for row in sample.content["data"]:
                pairs[row["pair"]] = row["numeratorSymbol"], row["denominatorSymbol"]
    return BtcTurkProtocol(
        Mode.REAL,
        {
            pair: Instrument(symbol=f"{base}_{quote}", base=base, quote=quote, venue_symbol=pair)
            for pair, (base, quote) in pairs.items()
        },
    )


def test_every_recorded_frame_says_exactly_what_its_text_says() -> None:
    """All there are, by type: none is left out unseen."""
    checked: Counter[str] = Counter()
    for sample in samples("ws"):
        kind, body = sample.content
        if kind == 422 and body["PS"] != body["event"]:  # edited by the author of somebody's test
            with pytest.raises(MalformedFrame) as caught:
                a_protocol().receive(sample.text, NOON)
            assert (caught.value.kind, caught.value.channel, caught.value.event) == ("422", "trade", body["event"])
            checked["mismatch"] += 1
            continue
        received = a_protocol().receive(sample.text, NOON)
        assert received.kind == str(kind), sample.about
        if kind in (401, 402):
            rows, event = (body["items"], ALL) if kind == 401 else ([body], body["event"])
            _check_tickers(received.said, event, [(row["PS"], row) for row in rows], FEED, sample.about)
        else:
            assert received == Received(str(kind), _expected(kind, body)), sample.about
        checked[str(kind)] += 1

    assert {"100", "401", "402", "421", "422", "431", "432", "991", "mismatch"} <= checked.keys()
    assert checked.total() == len(samples("ws"))


def _expected(kind: int, body: dict[str, Any]) -> Any:
    match kind:
        case 100:
            return Result(body["ok"], body["message"])
        case 421:
            rows = sorted((_trade(row) for row in body["items"]), key=lambda row: int(row.id))
            return TradeList(body["event"], tuple(rows))
        case 422:
            return TradeSingle(body["event"], _trade(body))
        case 431:
            sides = [tuple((Decimal(row["P"]), Decimal(row["A"])) for row in body[side]) for side in ("BO", "AO")]
            return BookSnapshot(body["channel"], body["event"], body["CS"], *sides)
        case 432:
            changes: list[Any] = [
                tuple((row["CP"], Decimal(row["P"]), Decimal(row["A"]) * (row["CP"] != 3)) for row in body[side])
                for side in ("BO", "AO")
            ]
            return BookChanges(body["event"], body["CS"], *changes)
        case _:
            return Ignored()


def _trade(row: dict[str, Any]) -> TradeRow:
    return TradeRow(
        row["I"], int(row["I"]), Decimal(row["P"]), Decimal(row["A"]), row.get("S"), venue_time=int(row["D"])
    )  # fmt: skip


def _check_tickers(
    said: object, event: str, rows: list[tuple[str, dict[str, Any]]], names: dict[str, str], about: str
) -> None:
    """Each figure is the very number that the recording's text has, there and on the wire."""
    assert isinstance(said, Tickers)
    assert (said.event, said.malformed, said.unlisted) == (event, (), ()), about
    assert said.heard == tuple(ticker.symbol for ticker in said.changed), about
    assert [ticker.symbol.replace("_", "") for ticker in said.changed] == [pair for pair, _ in rows], about
    for ticker, (_, row) in zip(said.changed, rows, strict=True):
        on_the_wire = json.loads(wire.encode(ticker), parse_float=Decimal, parse_int=Decimal)["data"]
        for ours, theirs in names.items():
            expected = None if row.get(theirs) is None else Decimal(str(row[theirs]))
            assert getattr(ticker, ours) == expected, f"{about}: {theirs}"
            assert on_the_wire[WIRE_NAMES[ours]] == expected, f"{about}: {theirs}"


def test_every_recorded_request_is_what_we_would_send() -> None:
    """Byte for byte."""
    for sample in samples("ws", "out"):
        kind, body = sample.content
        if kind == 151:
            frame = (join if body["join"] else leave)(body["channel"], body["event"])
            assert frame.encode() == sample.text, sample.about


def test_every_recorded_answer_says_exactly_what_its_text_says() -> None:
    """REST's own: tickers, trades, order books, instruments and refusals; candles and clocks are not ours to read."""
    checked: Counter[str] = Counter()
    for sample in samples("rest"):
        check = _check_of(sample)
        if check is not None:
            check(sample)
        checked[check.__name__ if check else "unread"] += 1

    assert set(checked) == {
        "_check_rest_tickers", "_check_rest_trades", "_check_rest_book", "_check_directory", "_check_refusal", "unread",
    }  # fmt: skip
    assert checked["unread"] == sum(any(name in sample.about for name in UNREAD) for sample in samples("rest"))


def _check_of(sample: Sample) -> Any:
    content = sample.content
    if isinstance(content, dict) and content.get("success") is False:
        return _check_refusal
    checks = {
        "api/v2/ticker": _check_rest_tickers, "api/v2/trades": _check_rest_trades, "api/v2/orderbook": _check_rest_book,
        "exchangeinfo": _check_directory,
    }  # fmt: skip
    return next((check for name, check in checks.items() if name in sample.about), None)


def _check_rest_tickers(sample: Sample) -> None:
    rows = [(row["pair"], row) for row in sample.content["data"]]
    _check_tickers(a_protocol().read_rest_tickers(sample.text, NOON), REST, rows, OVER_REST, sample.about)


def _check_rest_trades(sample: Sample) -> None:
    rows = sorted(sample.content["data"], key=lambda row: int(row["tid"]))

    assert rest.read_trades(sample.text) == [
        rest.Trade(
            row["pair"], row["tid"], int(row["tid"]), Decimal(row["price"]), Decimal(row["amount"]), row["side"],
            row["date"],
        )
        for row in rows
    ], sample.about  # fmt: skip


def _check_rest_book(sample: Sample) -> None:
    data = sample.content["data"]
    bids, asks = (tuple((Decimal(price), Decimal(amount)) for price, amount in data[side]) for side in ("bids", "asks"))

    assert rest.read_book(sample.text) == rest.Book(int(data["timestamp"]), bids, asks), sample.about


def _check_directory(sample: Sample) -> None:
    content = sample.content
    rows, text = (content["data"]["symbols"], sample.text) if "data" in content else ([content], _answer(sample.text))

    assert list(read_exchangeinfo(text)[0].values()) == [
        Instrument(
            symbol=row["nameNormalized"], base=row["numerator"], quote=row["denominator"], venue_symbol=row["name"],
            venue_id=str(row["id"]), status=row["status"], price_scale=row["denominatorScale"],
            size_scale=row["numeratorScale"],
        )
        for row in rows
    ], sample.about  # fmt: skip


def _answer(row: bytes) -> bytes:
    return b'{"data":{"symbols":[' + row + b']},"success":true}'


def _check_refusal(sample: Sample) -> None:
    with pytest.raises(rest.Refused) as caught:
        a_protocol().read_rest_tickers(sample.text, NOON)

    content = sample.content
    assert (caught.value.message, caught.value.code) == (content["message"], str(content["code"])), sample.about
