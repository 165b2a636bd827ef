"""What may leave the protocol, for tests that throw anything at it: the fuzzer's and the property tests' oracle."""

from decimal import Decimal

from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame
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
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Ticker
from support.examples import NOON
from support.frames import instruments

_PAIRS = instruments("BTC_TRY", "ETH_TRY")


def receive_or_refuse(frame: bytes, protocol: BtcTurkProtocol | None = None) -> None:
    """Assert that ``frame`` says something sane, or is malformed."""
    malformed: MalformedFrame | None = None
    try:
        received = (protocol or BtcTurkProtocol(Mode.MOCK, _PAIRS)).receive(frame, NOON)
    except MalformedFrame as exc:
        malformed = exc
    if malformed is not None:
        assert str(malformed)
        assert len(malformed.kind) <= 5
        assert malformed.event is None or malformed.event.isascii()
        return
    assert isinstance(received, Received)
    assert len(received.kind) <= 5
    match received.said:
        case Tickers(heard=heard, changed=changed, malformed=reasons):
            assert {ticker.symbol for ticker in changed} <= set(heard) <= {"BTC_TRY", "ETH_TRY"}
            assert all(reasons)
            for ticker in changed:
                _check_ticker(ticker)
        case TradeList(rows=rows, malformed=reasons):
            assert all(reasons)
            for row in rows:
                _check_trade(row)
        case TradeSingle(row=row):
            _check_trade(row)
        case BookSnapshot(channel=channel, bids=bids, asks=asks, change_set=change_set):
            assert channel in ("obdiff", "orderbook")
            assert change_set >= 0
            for side in (bids, asks):
                assert len({price for price, _ in side}) == len(side)
                for price, size in side:
                    _check(price, least=1)
                    _check(size, least=1)
        case BookChanges(bids=bids, asks=asks, change_set=change_set):
            assert change_set >= 0
            for code, price, size in bids + asks:
                assert code in (0, 1, 3)
                _check(price, least=1)
                _check(size)
        case Result() | Ignored():
            pass


def _check_ticker(ticker: Ticker) -> None:
    for figure in (
        ticker.price, ticker.bid, ticker.ask, ticker.bid_size, ticker.ask_size, ticker.open, ticker.high, ticker.low,
        ticker.volume, ticker.vwap,
    ):  # fmt: skip
        if figure is not None:
            _check(figure)
    body = wire.encode(ticker)
    assert len(body) < 2_000
    assert wire.decode(body) == ticker


def _check_trade(row: TradeRow) -> None:
    assert int(row.id) == row.number
    assert row.id.isascii() and len(row.id) <= 20
    assert 10**12 <= row.venue_time < 10**13
    _check(row.price, least=1)
    _check(row.size, least=1)


def _check(number: Decimal, least: int = 0) -> None:
    """A canonical number; ``least`` is 1 where 0 would make no sense."""
    sign, digits, exponent = number.as_tuple()
    assert sign == 0 and isinstance(exponent, int)
    assert -18 <= exponent <= 0 and number < 10**15
    assert exponent == 0 or digits[-1] != 0
    assert number or not least
