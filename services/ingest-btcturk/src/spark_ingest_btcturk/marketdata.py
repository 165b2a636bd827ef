"""All that BtcTurk has told, over however many sockets, joined into one: what is current, and what is to be published.

It is kept up to date whether or not this process is the venue's writer, so that one that stands by can go on where
another has stopped.
"""

import time
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

import structlog

from spark_bus.publisher import Claim, Outgoing, outgoing, refreshed
from spark_ingest.setback import redated
from spark_ingest_btcturk.bookkeeping import Bookkeeper, Broken
from spark_ingest_btcturk.channels import ALL, BOOK, TICKER, TRADE, Subscription
from spark_ingest_btcturk.continuity import POLLED, Break, Continuity
from spark_ingest_btcturk.crosscheck import CrossCheck, SideCheck, Suspect
from spark_ingest_btcturk.directory import Directory
from spark_ingest_btcturk.frames import VENUE
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.origin import Origin
from spark_ingest_btcturk.received import BookChanges, BookSnapshot, Tickers, TradeList, TradeSingle
from spark_ingest_btcturk.tape import Tape, ToPublish
from spark_ingest_btcturk.tickers import REST
from spark_market.instruments import Mode
from spark_market.messages import Book, Gap, Side, Ticker, Trade

REFRESH_S = 30.0
"""How old the full book beside the stream may be: readers who start join it to the changes since."""
REFRESH_QUIET_S = 300.0
"""The same for one that does not change: the entry that it is as of must not be trimmed from the stream."""

logger = structlog.get_logger()

Put = Callable[[Iterable[Outgoing]], None]


class MarketData:
    """The venue's tickers, trades and books. Times are ms UTC, ``now`` is the monotonic clock in seconds."""

    def __init__(self, directory: Directory, mode: Mode, side_of_zero: Side, metrics: IngestMetrics) -> None:
        self._directory = directory
        self._mode = mode
        self._side_of_zero = side_of_zero
        self._metrics = metrics
        self._continuity = Continuity()
        self._tickers: dict[str, Ticker] = {}
        self._tapes: dict[str, Tape] = {}
        self._books: dict[str, Bookkeeper] = {}
        self._refreshed_at: dict[str, float] = {}
        self._stale_in_latest: dict[str, None] = {}
        self._symbols: dict[str, str] = {}
        self._crosscheck = CrossCheck()
        self._suspected: set[Suspect] = set()
        self._sidecheck = SideCheck()
        self._anomalies: dict[str, Counter[str]] = {TRADE: Counter(), BOOK: Counter()}
        self._pruned_for = directory.instruments
        self._polled_since: int | None = None
        self._polled: dict[str, int] = {}  # since when of each symbol there are only values of moments
        self._untold: set[str] = set()  # whose ticker readers lack: it is to be told even if it comes unchanged
        self._put: Put | None = None
        self._origin: Origin | None = None
        self.heard: dict[str, int] = {}
        """By ``channel:symbol``, when it was last heard."""
        self.spoken: dict[str, tuple[int, float]] = {}
        """By channel, when the venue last spoke on it, by both clocks."""

    def books(self) -> list[Book]:
        """Return every book that is whole now, as a snapshot."""
        return [book for keeper in self._books.values() if (book := keeper.book()) is not None]

    def lead(self, claim: Claim, put: Put, cause: str, proven: Collection[Subscription]) -> None:
        """Publish from now on, beginning with what is current of the ``proven`` subscriptions.

        What whoever wrote before has published is in ``claim``; ``cause`` is that of the gaps after it.
        """
        self._put = put
        self._origin = origin = Origin(claim, cause, _now_ms())
        self._polled_since = None
        self._polled.clear()
        for channel in (TICKER, BOOK):
            self._go_on(channel, [item for item in proven if item.channel == channel], origin)
        for symbol, tape in self._tapes.items():
            self._publish_trades(origin.resume(symbol, tape))

    def _go_on(self, channel: str, proven: list[Subscription], origin: Origin) -> None:
        """Disclose what may lie between the last writer's end and now, and publish what is current."""
        self._continuity.rebase(
            channel, origin.cause, lambda item: origin.known_until(item, self._symbol(item))
        )  # fmt: skip
        known = {self._symbol(item): origin.known_until(item, self._symbol(item)) for item in proven}
        since = {symbol: until for symbol, until in known.items() if until is not None}
        if channel == TICKER and since:  # one for all: each is repeated every 0.8 s
            since = {None: min(since.values())}
        for symbol, until in since.items():  # a book may have been quiet for minutes: its own affair
            self._disclose(channel, symbol, Break(until, origin.cause), origin.at)
        if channel == TICKER:
            current = [self._tickers[symbol] for symbol in self._carried(proven) if symbol in self._tickers]
            self._untold = self._tickers.keys() - {ticker.symbol for ticker in current}
            self._publish(current)
        else:
            self._publish(book for book in self.books())

    def stand_by(self) -> None:
        """Publish nothing any more: another process does."""
        self._put = None
        self._origin = None
        for tape in self._tapes.values():
            tape.stand_by()

    def interrupted(self, subscriptions: Collection[Subscription], cause: str) -> None:
        """They are not listened to any more, or are joined anew."""
        self._continuity.interrupted(subscriptions, cause)
        for item in subscriptions:
            for carried in self._carried([item]):
                self._crosscheck.interrupted(item.channel, carried)
            symbol = self._symbol(item)
            if symbol is None:
                continue
            if item.channel == TRADE and (tape := self._tapes.get(symbol)) is not None:
                self._publish_trades(tape.interrupted(cause, self.heard.get(f"{TRADE}:{symbol}", _now_ms())))
            elif item.channel == BOOK and (keeper := self._books.get(symbol)) is not None:
                keeper.interrupted(cause)

    def clock_set_back(self, back_ms: int, now_ms: int) -> None:
        """The wall clock was set back, and is now there."""
        self.heard = {field: redated(at, back_ms, now_ms) for field, at in self.heard.items()}

    def forget(self, subscription: Subscription) -> None:
        """It is not wanted any more."""
        self.interrupted([subscription], "delisted")
        self._continuity.forget(subscription)

    def take_tickers(self, subscription: Subscription, said: Tickers, received_at: int, now: float) -> None:
        """Publish the tickers that changed."""
        self.spoken[TICKER] = (received_at, now)
        for heard in said.heard:
            self.heard[f"{TICKER}:{heard}"] = received_at
        symbol = None if subscription.event == ALL else said.heard[0]
        ended = self._ended(subscription, symbol, received_at)
        if ended is not None:
            self._disclose(TICKER, symbol, ended, received_at)
        for ticker in said.changed:
            self._crosscheck.saw_ticker(ticker, now)
        self._publish_tickers(said)

    def take_polled(self, said: Tickers, received_at: int, now: float) -> None:
        """Publish tickers that were read over REST: between two readings there may have been others."""
        self.spoken[TICKER] = (received_at, now)
        for heard in said.heard:
            self.heard[f"{TICKER}:{heard}"] = received_at
            self._polled.setdefault(heard, received_at)
        ended = self._continuity.polled(received_at)
        for item, one in ended.items():
            self._disclose(TICKER, self._symbol(item), one, received_at)
        if self._polled_since is None:  # the first ever, or the first of our term as the writer
            self._polled_since = received_at
            before_us = self._before_us(Subscription(TICKER, REST), None, received_at)
            if before_us is not None and not ended:
                self._disclose(TICKER, None, before_us, received_at)
        self._publish_tickers(said)

    def _publish_tickers(self, said: Tickers) -> None:
        """Publish what changed, and of the rest what readers lack."""
        for ticker in said.changed:
            self._tickers[ticker.symbol] = ticker
        if not self._untold or self._untold.isdisjoint(said.heard):
            self._publish(said.changed)
            return
        told = {symbol for symbol in said.heard if symbol in self._untold} | {one.symbol for one in said.changed}
        self._untold -= told
        self._publish(self._tickers[symbol] for symbol in said.heard if symbol in told and symbol in self._tickers)

    def take_trades(self, subscription: Subscription, said: TradeList, received_at: int, now: float) -> None:
        """Publish what a list of trades has that was not had before."""
        symbol = self._trades_of(subscription, received_at, now)
        if symbol is None:
            return
        self._crosscheck.saw_trades(symbol, now)
        published = self._tapes[symbol].listed(said.rows, received_at, unread=len(said.malformed))
        self._cleared(TRADE, symbol, now, useful=bool(published.trades))
        self._publish_trades(published)

    def take_trade(self, subscription: Subscription, said: TradeSingle, received_at: int, now: float) -> None:
        """Publish a trade."""
        symbol = self._trades_of(subscription, received_at, now)
        if symbol is None:
            return
        self._crosscheck.saw_trade(symbol, said.row.size, now)
        published = self._tapes[symbol].traded(said.row, received_at)
        if published.live:
            self._metrics.traded(received_at - said.row.venue_time)
            keeper = self._books.get(symbol)
            if keeper is not None:
                for trade in published.trades:
                    self._sidecheck.saw(trade, *keeper.best)
        self._publish_trades(published)

    def _trades_of(self, subscription: Subscription, received_at: int, now: float) -> str | None:
        """Note that a symbol's trades spoke; None when it was delisted in this moment, and never heard."""
        symbol = self._symbols.get(subscription.event) or self._symbol(subscription)
        if symbol is None:
            return None
        self.spoken[TRADE] = (received_at, now)
        self.heard[f"{TRADE}:{symbol}"] = received_at
        if symbol not in self._tapes:
            tape = Tape(symbol, mode=self._mode, counts=self._anomalies[TRADE], zero_is=self._side_of_zero)
            self._tapes[symbol] = tape
            if self._origin is not None:
                self._origin.resume(symbol, tape)
        return symbol

    def take_snapshot(self, subscription: Subscription, said: BookSnapshot, received_at: int, now: float) -> None:
        """Publish a whole book."""
        symbol = self._symbols.get(subscription.event) or self._symbol(subscription)
        if symbol is None:  # delisted in this moment, and never heard
            return
        self.spoken[BOOK] = (received_at, now)
        self.heard[f"{BOOK}:{symbol}"] = received_at
        keeper = self._books.get(symbol)
        if keeper is None:
            keeper = self._books[symbol] = Bookkeeper(symbol, mode=self._mode, counts=self._anomalies[BOOK])
        before = keeper.best
        ended = self._ended(subscription, symbol, received_at)
        if ended is None and (skipped := keeper.skipped(said)) is not None:
            ended = Break(skipped.since, skipped.cause)
        if ended is not None:
            if keeper.broken is not None:  # it may have been wrong before it was seen to be
                ended = ended._replace(since=min(ended.since, keeper.broken.since))
            self._disclose(BOOK, symbol, ended, received_at)
        book = keeper.snapshot(said, received_at)
        self._cleared(BOOK, symbol, now, useful=keeper.best != before)
        self._crosscheck.saw_book(symbol, *keeper.best, now)
        # All books begin in the same second: each is given a moment of its own, lest all are refreshed in one, too.
        self._refreshed_at[symbol] = now - zlib.crc32(symbol.encode()) % int(REFRESH_S * 1000) / 1000
        self._stale_in_latest.pop(symbol, None)
        self._publish([book])

    def take_changes(
        self, subscription: Subscription, said: BookChanges, received_at: int, now: float
    ) -> Broken | None:
        """Publish changes of a book; returns why the book is lost, if it is."""
        symbol = self._symbols.get(subscription.event, "")  # known since its snapshot
        self.spoken[BOOK] = (received_at, now)
        keeper = self._books.get(symbol)
        if keeper is None or not keeper.valid:
            return None  # not heard: should another take over before the snapshot, its gap begins where the book broke
        told = keeper.changes(said, received_at)
        if isinstance(told, Broken):
            return told
        self.heard[f"{BOOK}:{symbol}"] = received_at
        if told is not None:
            self._continuity.hear(subscription, received_at)
            self._crosscheck.saw_book(symbol, *keeper.best, now)
            self._publish([told])
            self._stale_in_latest[symbol] = None
            if now - self._refreshed_at[symbol] >= REFRESH_S:
                self._refresh(symbol, now)
        return None

    def _cleared(self, channel: str, symbol: str, now: float, *, useful: bool) -> None:
        if (channel, symbol) in self._suspected:
            self._suspected.discard((channel, symbol))
            self._crosscheck.cleared(channel, symbol, now, useful=useful)

    def _refresh(self, symbol: str, now: float) -> None:
        self._refreshed_at[symbol] = now
        self._stale_in_latest.pop(symbol, None)
        book = self._books[symbol].book()
        if book is not None and self._put is not None:
            self._put([refreshed(book)])

    def _prune(self) -> None:
        """Of what is not carried any more, nothing is current."""
        carried = self._pruned_for = self._directory.instruments
        self.heard = {field: at for field, at in self.heard.items() if field.partition(":")[2] in carried}
        for symbol in self._tickers.keys() - carried.keys():
            self._untold.add(symbol)  # should it come back as it was, it is new to readers all the same
            self._polled.pop(symbol, None)
            self._crosscheck.forget(symbol)

    def tend(self, now: float) -> list[tuple[Subscription, str]]:
        """Look after what time alone brings to light, once a second; returns what is to be joined anew, and why."""
        if self._pruned_for is not self._directory.instruments:
            self._prune()
        for symbol, at in list(self._refreshed_at.items()):
            if now - at >= (REFRESH_S if symbol in self._stale_in_latest else REFRESH_QUIET_S):
                self._refresh(symbol, now)
        for tape in self._tapes.values():
            self._publish_trades(tape.overdue(now))
        wrong = [
            (Subscription(BOOK, self._pair(symbol)), broken.cause)
            for symbol, keeper in self._books.items()
            if symbol in self._directory.instruments and (broken := keeper.overdue(now)) is not None
        ]
        for channel, symbol in self._crosscheck.look(now):
            if symbol in self._directory.instruments:
                self._suspected.add((channel, symbol))
                wrong.append((Subscription(channel, self._pair(symbol)), "mute"))
        self._metrics.backfilled(self._anomalies[TRADE].pop("backfilled", 0))
        for channel, counts in self._anomalies.items():
            self._metrics.anomalies(channel, counts)
            counts.clear()
        self._metrics.sides(self._sidecheck.counts)
        self._sidecheck.counts.clear()
        return wrong

    def _pair(self, symbol: str) -> str:
        return self._directory.instruments[symbol].venue_symbol

    def _symbol(self, subscription: Subscription) -> str | None:
        """Return the symbol of a pair, also when it was delisted since; None for ``all``."""
        instrument = self._directory.pairs.get(subscription.event)
        if instrument is not None:
            self._symbols[subscription.event] = instrument.symbol
        return self._symbols.get(subscription.event)

    def _carried(self, subscriptions: Iterable[Subscription]) -> Iterator[str]:
        for item in subscriptions:
            if item.event == ALL:
                yield from self._directory.instruments
            elif (symbol := self._symbol(item)) is not None:
                yield symbol

    def _ended(self, subscription: Subscription, symbol: str | None, received_at: int) -> Break | None:
        """Return the break that this data ends: one of our own, or the time since whoever wrote before us."""
        first = not self._continuity.knows(subscription)
        ended = self._continuity.hear(subscription, received_at)
        if not first or ended is not None:
            return ended
        if subscription.channel == TICKER and self._polled:
            since = min(self._polled.values()) if symbol is None else self._polled.pop(symbol, None)
            if since is not None:
                return Break(since, POLLED)
        return self._before_us(subscription, symbol, received_at)

    def _before_us(self, subscription: Subscription, symbol: str | None, received_at: int) -> Break | None:
        """Return the time since whoever wrote before us, None if nobody did."""
        if self._origin is None:
            return None
        since = self._origin.known_until(subscription, symbol, received_at)
        return None if since is None else Break(since, self._origin.cause)

    def _disclose(self, channel: str, symbol: str | None, ended: Break, to: int) -> None:
        gap = Gap(
            venue=VENUE, channel=channel, symbol=symbol, from_=min(ended.since, to), to=to, cause=ended.cause
        )  # fmt: skip
        self._tell_gap(gap)
        self._publish([gap])

    def _tell_gap(self, gap: Gap) -> None:
        if self._put is not None:
            self._metrics.gap(gap.channel or "", gap.cause)
            logger.warning("gap", channel=gap.channel, symbol=gap.symbol, cause=gap.cause, lasted_ms=gap.to - gap.from_)

    def _publish_trades(self, told: ToPublish) -> None:
        if told.gap is not None:
            self._tell_gap(told.gap)
            self._publish([told.gap])
        if told.trades:
            self._publish(told.trades)

    def _publish(self, messages: Iterable[Ticker | Trade | Book | Gap]) -> None:
        if self._put is not None:
            self._put(map(outgoing, messages))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
