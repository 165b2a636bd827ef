"""Holds the bus to the simulator's own account: what is there was sent, and what is missing was disclosed at its place.

Nothing here shares code with the ingest: frames are read as plain JSON, and a book is put together as the contract has
it (docs/bus-contract.md). All times are ms.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from spark_market.messages import Book, Gap, Message, Ticker, Trade
from spark_market.orderbook import OrderBook

Entry = Mapping[str, Any]
"""One of the simulator's ledger, or of its account of trades, as its control API writes it."""
Levels = tuple[tuple[Decimal, Decimal], ...]
Figures = tuple[Decimal | None, ...]
Prices = tuple[frozenset[Decimal], frozenset[Decimal]]
"""Of the bids and of the asks."""

UNREADABLE = frozenset({"half", "bad_number"})
"""Faults after which nobody can tell what a frame said."""
_THEIRS = ("LA", "B", "A", "BA", "AA", "O", "H", "L", "V", "AV")
_LATE_MS = 500
"""How long a frame may have been on its way to the ingest, on a busy machine."""

Found = TypeVar("Found")
Expected = TypeVar("Expected")


class Row(NamedTuple):
    """A ticker that was sent and differs from the one before it."""

    at: float
    figures: Figures


class Step(NamedTuple):
    """A frame of a book; ``inexact`` when its levels were tampered with, but not its number.

    ``whole`` is the book after it, where the ingest may have made a snapshot of its own there.
    """

    at: float
    change_set: int
    snapshot: bool
    bids: Levels
    asks: Levels
    inexact: bool = False
    whole: tuple[Levels, Levels] | None = None


class Happened(NamedTuple):
    """A trade, sent or not; ``at`` is the venue's time."""

    at: float
    id: str
    price: Decimal
    size: Decimal


class Placed(NamedTuple):
    """A message of one channel and symbol, and the gaps between it and the one before."""

    message: Any
    gaps: tuple[Gap, ...]


def placed(messages: Iterable[Message], kind: type[Message], channel: str, symbol: str) -> list[Placed]:
    """Return the messages of one channel and symbol in the order of the bus, the last of them a None for its end."""
    found: list[Placed] = []
    gaps: list[Gap] = []
    for message in messages:
        if isinstance(message, Gap):
            if message.channel in (None, channel) and message.symbol in (None, symbol):
                gaps.append(message)
        elif isinstance(message, kind) and getattr(message, "symbol", None) == symbol:
            found.append(Placed(message, tuple(gaps)))
            gaps = []
    return [*found, Placed(None, tuple(gaps))]


def tickers_held_to_account(messages: Sequence[Message], frames: Iterable[Entry], symbol: str, pair: str) -> list[Row]:
    """Every ticker on the bus was sent, in that order; returns what was sent and is not there, all of it disclosed.

    Passed over are one without a price, which is garbage that can be read, and one with a time, which REST told.
    """
    sent = rows_sent(frames, pair)
    on_bus = placed([message for message in messages if not _besides(message)], Ticker, "ticker", symbol)
    new: list[Placed] = []
    for item in on_bus:
        if new and item.message is not None and figures_of(item.message) == figures_of(new[-1].message):
            assert item.gaps, f"{symbol} twice without a gap in between: {item.message}"
            continue  # a new connection begins with what is current, whether or not it is new
        new.append(item)
    return _account(new, sent, lambda ticker, row: figures_of(ticker) == row.figures, f"ticker of {symbol}")


def _besides(message: Message) -> bool:
    return isinstance(message, Ticker) and (message.price is None or message.venue_time is not None)


def rows_sent(frames: Iterable[Entry], pair: str) -> list[Row]:
    """Return the pair's tickers that were sent and that anybody could read, without repeats.

    When all pairs were joined as one, those of a single pair are there for another reason.
    """
    rows: list[Row] = []
    frames = list(frames)
    kind = 401 if any(frame["type"] == 401 for frame in frames) else 402
    for frame in frames:
        if frame["type"] in (kind, "oversized") and frame["fault"] not in UNREADABLE:
            body = json.loads(frame["frame"])[1]
            for row in body["items"] if frame["type"] == 401 else [body]:
                if row["PS"] == pair and (not rows or rows[-1].figures != _figures(row)):
                    rows.append(Row(frame["at"], _figures(row)))
    return rows


def _figures(row: Mapping[str, str]) -> Figures:
    return tuple(Decimal(row[key]) for key in _THEIRS)


def figures_of(ticker: Ticker) -> Figures:
    return (
        ticker.price, ticker.bid, ticker.ask, ticker.bid_size, ticker.ask_size, ticker.open, ticker.high, ticker.low,
        ticker.volume, ticker.vwap,
    )  # fmt: skip


def trades_held_to_account(
    messages: Sequence[Message], frames: Iterable[Entry], trades: Iterable[Entry], symbol: str, pair: str
) -> list[Happened]:
    """Every trade on the bus happened, each once and in order; returns those that are missing, all of them disclosed.

    ``trades`` is the simulator's account of all that happened, whether or not it was sent.
    """
    return _account(
        placed(messages, Trade, "trade", symbol),
        trades_due(frames, trades, pair),
        lambda trade, true: (trade.id, trade.price, trade.size, trade.venue_time) == (true.id, *true[2:], true.at),
        f"trade of {symbol}",
        late_ms=0,  # such a gap runs by the venue's clock
    )


def trades_due(frames: Iterable[Entry], trades: Iterable[Entry], pair: str) -> list[Happened]:
    """Return what a listener is to have in the end: the first list that it was sent, and all that happened since."""
    known = next((json.loads(f["frame"])[1] for f in frames if f["type"] == 421 and f["event"] == pair), None)
    if known is None:
        return []
    due = [Happened(int(row["D"]), row["I"], Decimal(row["P"]), Decimal(row["A"])) for row in known["items"][::-1]]
    happened = [
        Happened(row["time"], row["id"], Decimal(row["price"]), Decimal(row["size"]))
        for row in trades
        if row["pair"] == pair
    ]
    listed = {trade.id for trade in due}
    since = max((at for at, trade in enumerate(happened, start=1) if trade.id in listed), default=0)
    return due + happened[since:]


def books_held_to_account(messages: Sequence[Message], frames: Iterable[Entry], symbol: str, pair: str) -> list[Step]:
    """Every book message was sent, in that order, and follows on; returns the steps that are missing, all disclosed."""
    held = _prices_before(messages, symbol)
    return _account(
        placed(messages, Book, "book", symbol),
        steps_sent(frames, pair),
        lambda book, step: _is_step(book, _without_needless(step, held[id(book)])),
        f"book of {symbol}",
    )


def chain_held_to_account(messages: Sequence[Message], frames: Iterable[Entry], symbol: str, pair: str) -> list[Step]:
    """As `books_held_to_account`, for several ingests one after the other: each change counts once, whoever had it.

    One that takes over makes a snapshot of its own, of the book as it is by then.
    """
    read_book(messages, symbol)
    new: list[Placed] = []
    for item in placed(messages, Book, "book", symbol):
        own = item.message is not None and item.message.previous is None and item.gaps
        if new and own and item.message.sequence == new[-1].message.sequence:
            continue  # nothing has changed since; that its levels are right, the next change or the end will show
        new.append(item)
    return _account(new, steps_of_all(frames, pair), _is_step, f"book of {symbol}")


def steps_sent(frames: Iterable[Entry], pair: str) -> list[Step]:
    """Return the pair's snapshots and changes of ``obdiff`` that were sent and that anybody could read."""
    return [
        _step(frame["at"], frame["frame"], inexact=frame["fault"] == "anomaly")
        for frame in frames
        if frame["type"] in (431, 432) and frame["event"] == pair and frame["fault"] not in {*UNREADABLE, "duplicate"}
    ]


def steps_of_all(frames: Iterable[Entry], pair: str) -> list[Step]:
    """Return what was sent of the pair's one chain, whoever was sent it, with the book after each step."""
    chain: list[Step] = []
    book = OrderBook()
    for step in steps_sent(frames, pair):
        if chain and step.change_set <= chain[-1].change_set:
            continue
        if step.snapshot:
            book = OrderBook(step.bids, step.asks)
        else:
            book.apply(step.bids, step.asks)
        whole = tuple(sorted(book.bids.levels())), tuple(sorted(book.asks.levels()))
        chain.append(step._replace(whole=whole))
    return chain


def _without_needless(step: Step, held: Prices) -> Step:
    """Leave out what the ingest leaves out too: the removal of a level that a reader does not have.

    When the venue hid a change that began a level, its end is such a removal.
    """
    if step.snapshot or step.inexact:
        return step
    bids, asks = (
        tuple((price, size) for price, size in levels if size or price in prices)
        for levels, prices in zip((step.bids, step.asks), held, strict=True)
    )
    return step._replace(bids=bids, asks=asks)


def _step(at: float, frame: str, *, inexact: bool = False) -> Step:
    kind, body = json.loads(frame)
    return Step(at, body["CS"], kind == 431, _levels(body["BO"]), _levels(body["AO"]), inexact)


def _levels(rows: Iterable[Mapping[str, Any]]) -> Levels:
    return tuple(
        sorted((Decimal(row["P"]), Decimal(0) if row.get("CP") == 3 else Decimal(row["A"])) for row in rows)
    )  # fmt: skip


def _is_step(book: Book, step: Step) -> bool:
    if book.sequence != str(step.change_set):
        return False
    levels = tuple(sorted(book.bids)), tuple(sorted(book.asks))
    if (book.previous is None) != step.snapshot:
        return book.previous is None and levels == step.whole
    return step.inexact or levels == (step.bids, step.asks)


def read_book(messages: Iterable[Message], symbol: str) -> tuple[str, OrderBook] | None:
    """Return the sequence and the book as a reader has it at the end; fails for a delta that follows nothing."""
    held: tuple[str, OrderBook] | None = None
    for message in messages:
        held = _read_on(held, message, symbol)
    return held


def _read_on(held: tuple[str, OrderBook] | None, message: Message, symbol: str) -> tuple[str, OrderBook] | None:
    if isinstance(message, Gap) and message.channel in (None, "book") and message.symbol in (None, symbol):
        return None
    if not isinstance(message, Book) or message.symbol != symbol:
        return held
    if message.previous is None:
        return message.sequence, OrderBook(message.bids, message.asks)
    assert held is not None, f"a delta of {symbol} without a snapshot: {message.sequence}"
    assert held[0] == message.previous, f"a delta of {symbol} after {held[0]} follows {message.previous}"
    held[1].apply(message.bids, message.asks)
    return message.sequence, held[1]


def _prices_before(messages: Iterable[Message], symbol: str) -> dict[int, Prices]:
    """Return, by the message's ``id()``, the prices that a reader has when it comes; fails as `read_book` does."""
    held: tuple[str, OrderBook] | None = None
    found: dict[int, Prices] = {}
    for message in messages:
        sides = (held[1].bids.levels(), held[1].asks.levels()) if held else ((), ())
        bids, asks = (frozenset(price for price, _ in levels) for levels in sides)
        found[id(message)] = bids, asks
        held = _read_on(held, message, symbol)
    return found


def is_book(held: tuple[str, OrderBook] | None, true: Mapping[str, Any]) -> bool:
    """Return whether a reader has what the simulator says is the book."""
    if held is None:
        return False
    sequence, book = held
    bids, asks = (tuple((Decimal(price), Decimal(size)) for price, size in true[side]) for side in ("bids", "asks"))
    return (sequence, book.bids.levels(), book.asks.levels()) == (str(true["changeSet"]), bids, asks)


def _account(
    found: Sequence[Placed],
    expected: Sequence[Expected],
    is_same: Callable[[Any, Expected], bool],
    what: str,
    late_ms: float = _LATE_MS,
) -> list[Expected]:
    """Match what was found with what was to be expected, in order; returns what is missing.

    Whatever is missing before the first message was before our time. Fails for what is not expected there, and for
    what is missing between two messages without a gap that speaks of it.
    """
    missing: list[Expected] = []
    due = iter(expected)
    for nth, item in enumerate(found):
        skipped = list(_until(due, item.message, is_same))
        if item.message is not None:
            assert skipped and is_same(item.message, skipped[-1]), f"{what}: not sent, not then or twice: {item}"
            del skipped[-1:]
        if nth:
            for one in skipped:
                assert item.gaps, f"{what}: lost in silence: {one}, before {item.message}"
                since, to = min(gap.from_ for gap in item.gaps), max(gap.to for gap in item.gaps)
                at = one.at  # type: ignore[attr-defined]
                assert since - late_ms <= at <= to + 1, f"{what}: {one} is not in the gap {item.gaps}"
            missing += skipped
    return missing


def _until(due: Iterator[Expected], message: Any, is_same: Callable[[Any, Expected], bool]) -> Iterator[Expected]:
    for one in due:
        yield one
        if message is not None and is_same(message, one):
            return
