"""A venue's feed in miniature, and the strictest reader that what it publishes could have."""

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from random import Random

from spark_bus.publisher import Outgoing, outgoing, refreshed
from spark_market import wire
from spark_market.messages import Book, Gap, Trade
from spark_market.orderbook import Level, OrderBook
from support.examples import NOON, a_book, a_gap, a_ticker, a_trade

Sides = tuple[tuple[Level, ...], tuple[Level, ...]]

SYMBOLS = ("BTC_TRY", "ETH_TRY")


class Feed:
    """Books that change, break and heal, and trades numbered without a hole. Each action is one of its methods."""

    def __init__(self, put: Callable[[Iterable[Outgoing]], None], seed: int) -> None:
        self._put = put
        self._random = Random(seed)
        self._books: dict[str, OrderBook] = {}
        self._sequences: Counter[str] = Counter()
        self._now = NOON
        self.trades: Counter[str] = Counter()
        self.tickers: dict[str, int] = {}
        self.truth: dict[tuple[str, str], Sides] = {}
        """Every book that there ever was, by symbol and sequence."""

    def books(self) -> list[Book]:
        """Return the books that are whole, as snapshots."""
        return [self._full(symbol) for symbol in self._books]

    def _full(self, symbol: str) -> Book:
        bids, asks = _sides(self._books[symbol])
        return a_book(self._sequences[symbol], None, symbol, self._now, bids, asks)

    def _publish(self, *messages: Outgoing) -> None:
        self._put(messages)

    def _tick(self) -> int:
        self._now += 1
        return self._now

    def trade(self, symbol: str) -> None:
        self.trades[symbol] += 1
        self._publish(outgoing(a_trade(self.trades[symbol], symbol, self._tick())))

    def quote(self, symbol: str) -> None:
        self.tickers[symbol] = self._tick() - NOON
        self._publish(outgoing(a_ticker(self.tickers[symbol], symbol, self._now)))

    def change(self, symbol: str) -> None:
        """Change a book that is whole; heal one that is not."""
        if symbol not in self._books:
            self.heal(symbol)
            return
        previous, bids, asks = self._sequences[symbol], self._levels(90), self._levels(100)
        self._sequences[symbol] += 1
        self._books[symbol].apply(bids, asks)
        self._remember(symbol)
        self._publish(outgoing(a_book(self._sequences[symbol], previous, symbol, self._tick(), bids, asks)))

    def fail(self, symbol: str) -> None:
        """Lose a book; readers are told when it heals."""
        self._books.pop(symbol, None)

    def fail_loudly(self, symbol: str) -> None:
        """Lose a book, and tell at once."""
        if self._books.pop(symbol, None) is not None:
            self._publish(outgoing(a_gap(self._now, self._tick(), channel="book", symbol=symbol, cause="sequence")))

    def heal(self, symbol: str) -> None:
        self._sequences[symbol] += 5
        self._books[symbol] = OrderBook(self._levels(90), self._levels(100))
        self._remember(symbol)
        gap = a_gap(self._now, self._tick(), channel="book", symbol=symbol, cause="sequence")
        self._publish(outgoing(gap), outgoing(self._full(symbol)))

    def take_over(self, _: str) -> None:
        """Begin as a new writer does: one gap for all books, and every one that is whole."""
        gap = a_gap(self._now, self._tick(), channel="book", cause="takeover")
        self._publish(outgoing(gap), *map(outgoing, self.books()))

    def refresh(self, symbol: str) -> None:
        if symbol in self._books:
            self._publish(refreshed(self._full(symbol)))

    def _levels(self, around: int) -> tuple[Level, ...]:
        prices = self._random.sample(range(around, around + 5), self._random.randint(1, 3))
        return tuple((Decimal(price), Decimal(self._random.randint(0, 3))) for price in prices)

    def _remember(self, symbol: str) -> None:
        self.truth[symbol, str(self._sequences[symbol])] = _sides(self._books[symbol])


class StrictReader:
    """Applies what the stream holds, and takes nothing that the bus contract does not allow."""

    def __init__(self, truth: Feed) -> None:
        self._feed = truth
        self._lost: Counter[str] = Counter()
        self._last_trade: dict[str, int] = {}
        self.books: dict[str, tuple[str, OrderBook]] = {}

    def epoch(self) -> None:
        """What is held may be anything's continuation; drop it."""
        self.books.clear()
        self._last_trade.clear()
        self._lost.clear()

    def take(self, data: bytes) -> None:
        match wire.decode(data):
            case Book() as book:
                self._take_book(book)
            case Trade() as trade:
                self._take_trade(trade)
            case Gap(channel="book", symbol=str(symbol)):
                self.books.pop(symbol, None)
            case Gap(channel="book"):
                self.books.clear()
            case Gap(channel="trade", cause="overflow", symbol=str(symbol), lost=int(lost)):
                self._lost[symbol] += lost
            case Gap() as gap:
                assert gap.channel == "ticker", gap

    def _take_book(self, book: Book) -> None:
        if book.previous is None:
            sequence, _ = self.books.get(book.symbol, (book.sequence, None))
            assert book.sequence == sequence, "a book that jumps in silence"
            self.books[book.symbol] = book.sequence, OrderBook(book.bids, book.asks)
        else:
            assert book.symbol in self.books, "a delta without a snapshot before it"
            sequence, held = self.books[book.symbol]
            assert book.previous == sequence, "a delta that does not chain"
            held.apply(book.bids, book.asks)
            self.books[book.symbol] = book.sequence, held
        assert _sides(self.books[book.symbol][1]) == self._feed.truth[book.symbol, book.sequence], "a wrong book"

    def _take_trade(self, trade: Trade) -> None:
        number, last = int(trade.id), self._last_trade.get(trade.symbol)
        if last is not None:
            assert number == last + 1 + self._lost[trade.symbol], "a trade is doubled, displaced, or missing in silence"
        self._lost[trade.symbol] = 0
        self._last_trade[trade.symbol] = number

    def is_up_to_date(self) -> bool:
        """Whether it holds what the feed holds; a book that is broken may be held as it was, or not at all."""
        books = all(
            book.symbol in self.books and _sides(self.books[book.symbol][1]) == (book.bids, book.asks)
            for book in self._feed.books()
        )
        return books and all(
            number + self._lost[symbol] == self._feed.trades[symbol] for symbol, number in self._last_trade.items()
        )


def _sides(book: OrderBook) -> Sides:
    return book.bids.levels(), book.asks.levels()
