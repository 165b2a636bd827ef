"""Trades and books against a real server: each once, in order, whole, or known not to be."""

import json
from collections.abc import Iterable
from decimal import Decimal

import pytest

from integration.ingest.listening import Listener, btc, listening
from spark_bus.publisher import Claim
from spark_market.messages import Book, Gap, Ticker, Trade
from spark_market.orderbook import OrderBook
from support.eventually import eventually
from support.fake_venue import FakeVenue
from support.scripted import Step, abort, hold, pause

CHANNELS = ("ticker", "trade", "book")
NOON = 1_766_404_800_000


def traded(*numbers: int) -> list[Step]:
    return [json.dumps([422, row(number) | {"PS": "BTCTRY", "channel": "trade", "event": "BTCTRY", "type": 422}])
            for number in numbers]  # fmt: skip


def listed(numbers: Iterable[int]) -> Step:
    """Return the list of a join: newest first, at most 50."""
    items = [row(number) for number in numbers][-50:][::-1]
    return json.dumps([421, {"symbol": "BTCTRY", "items": items, "channel": "trade", "event": "BTCTRY", "type": 421}])


def row(number: int) -> dict[str, object]:
    return {"D": str(NOON + number), "I": str(number), "A": "0.10", "P": f"{100 + number}.0", "S": number % 2}


def whole(change_set: int, bids: dict[int, int], asks: dict[int, int], pair: str = "BTCTRY") -> Step:
    return json.dumps([431, {"CS": change_set, "PS": pair, "channel": "obdiff", "event": pair, "type": 431,
                             "BO": levels(bids), "AO": levels(asks)}])  # fmt: skip


def changed(change_set: int, code: int, price: int, amount: int, side: str = "BO") -> Step:
    body = {"CS": change_set, "PS": "BTCTRY", "BO": [], "AO": [], "channel": "obdiff", "event": "BTCTRY", "type": 432}
    return json.dumps([432, body | {side: [{"CP": code, "P": str(price), "A": str(amount)}]}])


def levels(side: dict[int, int]) -> list[dict[str, str]]:
    return [{"A": str(amount), "P": str(price)} for price, amount in side.items()]


def plain(side: Iterable[tuple[Decimal, Decimal]]) -> list[tuple[int, int]]:
    return [(int(price), int(size)) for price, size in side]


def read_book(published: Iterable[object]) -> OrderBook | None:
    """Return the book as a reader has it: a snapshot, then every delta, none without its predecessor."""
    book, sequence = None, None
    for message in published:
        if isinstance(message, Gap) and message.channel == "book":
            book = None
        elif isinstance(message, Book) and message.previous is None:
            book, sequence = OrderBook(message.bids, message.asks), message.sequence
        elif isinstance(message, Book):
            assert book is not None
            assert message.previous == sequence
            book.apply(message.bids, message.asks)
            sequence = message.sequence
    return book


async def test_trades_flow_from_the_list_of_the_join_and_on() -> None:
    """The first start of all: the list is history, in the order in which it happened."""
    async with (
        FakeVenue([btc(1), listed([1, 2, 3]), *traded(4, 5)]) as venue,
        listening(venue, channels=CHANNELS) as listener,
    ):
        await eventually(lambda: len(listener.trades) == 5)

    assert listener.trades == ["1", "2", "3", "4", "5"]
    assert listener.gaps == []
    last = [message for message in listener.published if isinstance(message, Trade)][-1]
    assert (last.symbol, str(last.price), str(last.size), last.side, last.venue_time) == (
        "BTC_TRY", "105", "0.1", "sell", NOON + 5,
    )  # fmt: skip
    listener.feed.market.tend(0)
    assert listener.counted("backfilled_trades_total") == 3


async def test_what_was_traded_while_the_connection_was_gone_is_filled_in_without_a_gap() -> None:
    async with (
        FakeVenue(
            [btc(1), listed([1, 2]), *traded(3), abort],
            [btc(1), listed(range(1, 8)), *traded(7, 8), hold],
        ) as venue,
        listening(venue, channels=CHANNELS) as listener,
    ):
        await eventually(lambda: len(listener.trades) >= 8)

    assert listener.trades == [str(number) for number in range(1, 9)]
    assert [gap.channel for gap in listener.gaps] == ["ticker"]
    listener.feed.market.tend(0)
    assert listener.counted("anomalies_total", channel="trade", kind="duplicate") == 1
    assert listener.counted("backfilled_trades_total") == 6


async def test_more_than_a_list_holds_is_a_gap_between_the_trades_on_both_sides_of_it() -> None:
    async with (
        FakeVenue([btc(1), listed([1, 2, 3]), abort], [btc(1), listed(range(1, 100)), hold]) as venue,
        listening(venue, channels=CHANNELS) as listener,
    ):
        await eventually(lambda: len(listener.trades) >= 53)

    assert listener.trades == [str(number) for number in (1, 2, 3, *range(50, 100))]
    [gap] = [gap for gap in listener.gaps if gap.channel == "trade"]
    assert (gap.symbol, gap.from_, gap.to, gap.cause, gap.lost) == ("BTC_TRY", NOON + 3, NOON + 50, "closed", None)
    at = listener.published.index(gap)
    after = listener.published[at + 1]
    assert isinstance(after, Trade)
    assert after.id == "50"


async def test_a_trade_that_cannot_be_read_is_taken_from_the_list_of_a_new_join() -> None:
    """It costs its frame, not the trade."""
    broken = str(traded(4)[0]).replace("104.0", "NaN")
    async with FakeVenue() as venue:
        venue.play(
            [btc(1), listed([1, 2, 3]), broken, *traded(5), venue.asked_for("+trade:BTCTRY", 2), listed(range(1, 6))]
        )
        async with listening(venue, channels=CHANNELS) as listener:
            await eventually(lambda: len(listener.trades) >= 5)

    assert listener.trades == ["1", "2", "3", "4", "5"]
    assert listener.gaps == []
    assert venue.requests.index("-trade:BTCTRY") < len(venue.requests) - 1
    assert listener.counted("resyncs_total", channel="trade", cause="malformed") == 1
    assert listener.reconnects == 0


async def test_trades_go_on_after_the_last_one_on_the_bus() -> None:
    """A new process, or one that takes over: neither again what was published, nor a hole."""
    claim = Claim(epoch="e", born=False, last={"trade": NOON}, heard={}, marks={"trade:BTC_TRY": f"3 {NOON + 3}"})
    async with (
        FakeVenue([btc(1), listed(range(1, 6)), *traded(6)]) as venue,
        listening(venue, channels=CHANNELS, claim=claim) as listener,
    ):
        await eventually(lambda: len(listener.trades) >= 3)

    assert listener.trades == ["4", "5", "6"]
    assert listener.gaps == []


async def test_a_book_is_a_snapshot_and_the_changes_that_follow_on() -> None:
    async with (
        FakeVenue([
            btc(1), whole(7, {99: 1, 98: 2}, {101: 1}), changed(8, 1, 100, 5), changed(9, 3, 98, 2),
            changed(10, 0, 101, 4, "AO"),
        ]) as venue,
        listening(venue, channels=CHANNELS) as listener,
    ):  # fmt: skip
        await eventually(lambda: len(listener.books) == 4)

    assert [(book.previous, book.sequence) for book in listener.books] == [
        (None, "7"), ("7", "8"), ("8", "9"), ("9", "10"),
    ]  # fmt: skip
    book = read_book(listener.published)
    assert book is not None
    assert plain(book.bids.levels()) == [(100, 5), (99, 1)]
    assert plain(book.asks.levels()) == [(101, 4)]
    assert listener.gaps == []


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ([changed(9, 1, 97, 1)], "jump"),
        ([changed(8, 1, 97, 1), changed(8, 1, 96, 1)], "older"),
        ([changed(8, 7, 97, 1)], "malformed"),
        ([str(changed(8, 1, 97, 1)).replace('"97"', '"9_7"')], "malformed"),
        ([str(changed(8, 1, 97, 1))[:80]], "malformed"),
    ],
)
async def test_a_book_whose_chain_breaks_is_joined_again_alone(wrong: list[Step], cause: str) -> None:
    """A gap, then a new beginning; trades and tickers of the same connection go on."""
    async with FakeVenue() as venue:
        venue.play(
            [
                btc(1), listed([1]), whole(7, {99: 1}, {101: 1}), *wrong, changed(10, 0, 99, 8), *traded(2),
                venue.asked_for("+obdiff:BTCTRY", 2), changed(11, 0, 99, 9), whole(500, {95: 3}, {105: 1}),
                changed(501, 1, 96, 1), hold,
            ]
        )  # fmt: skip
        async with listening(venue, channels=CHANNELS) as listener:
            await eventually(lambda: listener.books and listener.books[-1].sequence == "501")

    book = read_book(listener.published)
    assert book is not None
    assert plain(book.bids.levels()) == [(96, 1), (95, 3)]
    [gap] = listener.gaps
    assert (gap.channel, gap.symbol, gap.cause) == ("book", "BTC_TRY", cause)
    assert listener.counted("resyncs_total", channel="book", cause=cause) == 1
    assert listener.trades == ["1", "2"]
    assert listener.reconnects == 0
    assert venue.requests[-2:] == ["-obdiff:BTCTRY", "+obdiff:BTCTRY"]


async def test_a_book_that_no_new_join_brings_back_takes_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_ingest_btcturk.subscriptions.PROOF_S", 0.1)
    monkeypatch.setattr("spark_ingest_btcturk.session.TEND_S", 0.05)
    talking: list[Step] = [btc(1), pause(0.05)] * 40
    async with (
        FakeVenue(
            [btc(1), whole(7, {99: 1}, {101: 1}), changed(9, 1, 97, 1), *talking],
            [btc(1), whole(20, {90: 1}, {110: 1}), hold],
        ) as venue,
        listening(venue, channels=("ticker", "book")) as listener,
    ):
        await eventually(lambda: listener.books[-1:] and listener.books[-1].sequence == "20")

    assert listener.counted("reconnects_total", cause="unheard") == 1
    [gap] = [gap for gap in listener.gaps if gap.channel == "book"]
    assert gap.cause == "jump", "the first cause stands"


async def test_the_whole_book_is_kept_beside_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it has fallen silent: the changes since would be trimmed from the stream, and nobody could join."""
    monkeypatch.setattr("spark_ingest_btcturk.marketdata.REFRESH_S", 0.3)
    monkeypatch.setattr("spark_ingest_btcturk.feed.TEND_S", 0.05)
    async with (
        FakeVenue([btc(1), whole(7, {99: 1}, {101: 1}), changed(8, 1, 98, 2), hold]) as venue,
        listening(venue, channels=("ticker", "book")) as listener,
    ):
        await eventually(lambda: listener.refreshed)

    [book] = listener.refreshed
    assert (book.previous, book.sequence, plain(book.bids)) == (None, "8", [(99, 1), (98, 2)])


async def test_one_that_stands_by_publishes_nothing_and_goes_on_where_the_other_stopped() -> None:
    """Connected all the time: trades go on with the next one, books and tickers with what is current."""
    async with FakeVenue() as venue:
        venue.play(
            [
                btc(1), listed([1, 2, 3]), whole(7, {99: 1}, {101: 1}), changed(8, 1, 98, 2), *traded(4, 5), btc(2),
                venue.asked_for("+ticker:BTCTRY", 1), hold,
            ]
        )  # fmt: skip
        async with listening(venue, channels=CHANNELS, claim=None) as listener:
            await eventually(lambda: len(listener.feed.market.heard) == 3 and listener.feed.unproven() == [])
            await eventually(lambda: [book.sequence for book in listener.feed.market.books()] == ["8"])
            await _both_tickers(listener)
            assert listener.published == []

            claim = Claim(
                epoch="e", born=False, last={"ticker": NOON, "trade": NOON, "book": NOON}, heard={},
                marks={"trade:BTC_TRY": f"3 {NOON + 3}"},
            )  # fmt: skip
            listener.lead(claim, "takeover")

    assert listener.trades == ["4", "5"]
    assert {(gap.channel, gap.symbol, gap.from_, gap.cause) for gap in listener.gaps} == {
        ("ticker", None, NOON, "takeover"), ("book", "BTC_TRY", NOON, "takeover"),
    }  # fmt: skip
    assert listener.prices == [2]
    [book] = listener.books
    assert (book.previous, book.sequence, plain(book.bids)) == (None, "8", [(99, 1), (98, 2)])


async def _both_tickers(listener: Listener) -> None:
    current = listener.feed.market._tickers
    await eventually(lambda: isinstance(current.get("BTC_TRY"), Ticker) and current["BTC_TRY"].price == 2)


async def test_one_that_lost_the_venue_publishes_nothing_more() -> None:
    async with FakeVenue() as venue:
        gate = venue.asked_for("now")
        venue.play([btc(1), listed([1]), gate, *traded(2), btc(2), hold])
        async with listening(venue, channels=CHANNELS) as listener:
            await eventually(lambda: listener.trades == ["1"])
            listener.feed.market.stand_by()
            venue.requests.append("now")
            await eventually(lambda: listener.feed.market.heard["ticker:BTC_TRY"] and len(listener.published) == 2)
            await _both_tickers(listener)
            assert listener.trades == ["1"]
            assert listener.prices == [1]


async def test_a_channel_that_is_not_joined_is_not_suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tickers tell of trades that nobody wants."""
    monkeypatch.setattr("spark_ingest_btcturk.crosscheck.TRADE_AFTER_S", 0.05)
    monkeypatch.setattr("spark_ingest_btcturk.feed.TEND_S", 0.02)
    async with (
        FakeVenue([btc(1), btc(2), pause(0.2), btc(3), hold]) as venue,
        listening(venue, channels=("ticker",)) as listener,
    ):
        await eventually(lambda: listener.prices == [1, 2, 3])

    assert listener.counted("resyncs_total", channel="trade", cause="mute") == 0
    assert venue.requests == ["+ticker:BTCTRY"]
