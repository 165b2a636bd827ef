"""The live feed: each pair's orders, book and ticker at its own moment of the interval, and trades in between."""

import asyncio
import time
from collections import defaultdict
from random import Random

from spark_simulator import frames
from spark_simulator.connection import Connection
from spark_simulator.delivery import NOBODY, Delivery
from spark_simulator.faults import Faults
from spark_simulator.feed import ALL, OBDIFF, ORDERBOOK, TICKER, TRADE
from spark_simulator.frames import Frame
from spark_simulator.market import Difference, Market, PairMarket
from spark_simulator.pairs import Pair
from spark_simulator.row import SIZE_SCALE, Row, decimals
from spark_simulator.sides import SideCode
from spark_simulator.truth import Truth

_LEAST_SLOT_MS = 5  # waking up more often than this costs more than the frames do
_MOST_CAUGHT_UP_S = 0.25


class Live:
    """Moves the market and tells of it."""

    def __init__(
        self,
        market: Market,
        delivery: Delivery,
        faults: Faults,
        truth: Truth,
        code: SideCode,
        *,
        interval_ms: int,
        snapshot_delay_ms: int,
    ) -> None:
        """A subscription's first frame comes ``snapshot_delay_ms`` to twice as long after its ack."""
        self._market = market
        self._delivery = delivery
        self._faults = faults
        self._truth = truth
        self._code = code
        self._interval_ms = interval_ms
        self._snapshot_delay_s = snapshot_delay_ms / 1000
        self._random = Random(0)  # noqa: S311 - only spreads the first frames
        self._listed: list[Pair] = []
        self._slots: list[list[str]] = []
        self._takers: defaultdict[str, list[asyncio.TimerHandle]] = defaultdict(list)  # who will trade until a moment
        self._tickers: dict[str, tuple[Row, Frame]] = {}  # a frame stays the same, byte for byte, while its row does

    async def run(self) -> None:
        """Go on until cancelled, through every silence."""
        loop = asyncio.get_running_loop()
        interval_s = self._interval_ms / 1000
        most_late_s = max(interval_s, _MOST_CAUGHT_UP_S)
        due = loop.time()
        try:
            while True:
                self._spread()
                slot_s = interval_s / len(self._slots)
                for slot in self._slots:
                    due += slot_s
                    late_s = loop.time() - due
                    if late_s > most_late_s:  # the machine slept or is too slow: go on from here, without a burst
                        due += late_s
                    await asyncio.sleep(max(0.0, -late_s))
                    for event in slot:
                        self._moment(event)
        finally:
            for takers in self._takers.values():
                for taker in takers:
                    taker.cancel()

    def joined(self, connection: Connection, channel: str, event: str) -> None:
        """Begin to deliver what exists; anything else stays silent for ever, even if it is listed later."""
        name = (channel, event)
        if channel == TICKER and (event == ALL or event in self._market):
            self._delivery.add(name, connection)
        elif channel in (TRADE, OBDIFF, ORDERBOOK) and event in self._market:
            delay_s = self._snapshot_delay_s * (1 + self._random.random())
            number = connection.joins[name]
            asyncio.get_running_loop().call_later(delay_s, self._begin, connection, channel, event, number)

    def left(self, connection: Connection, channel: str, event: str) -> None:
        """Deliver no more of this."""
        self._delivery.remove((channel, event), connection)

    def gone(self, connection: Connection) -> None:
        """Do nothing: nothing is kept for a connection but what it joined."""

    def trade(self, symbol: str) -> None:
        """Let one taker come to a pair, now."""
        market = self._market[symbol]
        for trade in market.trade(self._faults.now_ms()):
            fate = NOBODY
            if self._delivery.wanted((TRADE, symbol)):
                fate = self._delivery.publish((TRADE, symbol), frames.trade_single(market.pair, trade, self._code))
            self._truth.trade(
                symbol,
                trade.id,
                trade.time_ms,
                decimals(trade.price, market.pair.price_scale),
                decimals(trade.size, SIZE_SCALE),
                "buy" if trade.taker_buys else "sell",
                self._code(trade),
                fate,
            )

    def delist(self, symbol: str) -> None:
        """Let a pair's channels fall silent."""
        for channel in (TICKER, TRADE, OBDIFF, ORDERBOOK):
            self._delivery.end((channel, symbol))
        for taker in self._takers.pop(symbol, []):
            taker.cancel()
        self._tickers.pop(symbol, None)

    # Moments

    def _spread(self) -> None:
        """Give every pair a slot, all of equal length, that together fill the interval."""
        pairs = self._market.pairs
        if self._slots and pairs == self._listed:
            return
        self._listed = pairs
        events = [pair.symbol for pair in pairs] + [ALL]
        number = min(len(events), max(1, self._interval_ms // _LEAST_SLOT_MS))
        self._slots = [events[len(events) * nth // number : len(events) * (nth + 1) // number] for nth in range(number)]

    def _moment(self, event: str) -> None:
        if event == ALL:
            if self._delivery.wanted((TICKER, ALL)):
                rows = (self._market.row(pair.symbol) for pair in self._market.pairs)
                self._delivery.publish((TICKER, ALL), frames.all_tickers(rows))
        elif event in self._market:  # it may have been delisted since the slots were made
            market = self._market[event]
            while self._takers[event]:  # late: what was to happen before this moment happens before it
                self._taker_comes(event)
            market.step()
            self._tell_book(market)
            if self._delivery.wanted((TICKER, event)):
                self._delivery.publish((TICKER, event), self._ticker(market))
            self._expect_takers(market)

    def _expect_takers(self, market: PairMarket) -> None:
        loop = asyncio.get_running_loop()
        symbol = market.pair.symbol
        for part in market.moments():
            timer = loop.call_later(part * self._interval_ms / 1000, self._taker_comes, symbol)
            self._takers[symbol].append(timer)

    def _taker_comes(self, symbol: str) -> None:
        self._takers[symbol].pop(0).cancel()
        if self._market[symbol].trades:
            self.trade(symbol)

    def _ticker(self, market: PairMarket) -> Frame:
        symbol, row = market.pair.symbol, market.row()
        known = self._tickers.get(symbol)
        if known is None or known[0] is not row:
            known = self._tickers[symbol] = row, frames.ticker(symbol, row)
        return known[1]

    def _tell_book(self, market: PairMarket) -> None:
        symbol = market.pair.symbol
        fate_of_sets = "jump" if self._faults.quiet else self._faults.book((OBDIFF, symbol))
        if fate_of_sets == "conflated":
            return
        difference = market.publish(numbered=fate_of_sets == "jump")
        if difference is None:
            return
        self._tell_difference(market, difference, hidden=fate_of_sets == "hidden")
        if self._delivery.wanted((ORDERBOOK, symbol)):
            self._delivery.publish((ORDERBOOK, symbol), self._full(market, ORDERBOOK))

    def _tell_difference(self, market: PairMarket, difference: Difference, *, hidden: bool) -> None:
        symbol = market.pair.symbol
        at = time.time() * 1000
        frame, fate = None, NOBODY
        if self._delivery.wanted((OBDIFF, symbol)):
            frame = frames.book_difference(market.pair, difference)
            fate = self._delivery.publish((OBDIFF, symbol), frame)
        self._truth.change_set(
            at,
            symbol,
            None if hidden else difference.change_set,
            len(difference.bids) + len(difference.asks),
            None if frame is None else frame.text,
            fate,
        )

    # First frames

    def _begin(self, connection: Connection, channel: str, event: str, number: int) -> None:
        """Send a subscription's first frame, unless it is no more; what follows is delivered from now on."""
        name = (channel, event)
        if connection.joins.get(name) != number or event not in self._market:
            return
        fault = self._faults.no_snapshot.current
        if fault is None or not fault.concerns(channel, event, again=name in connection.joined_before):
            self._delivery.seed(name, self._first(self._market[event], channel), connection)
        elif not fault.live:
            return
        self._delivery.add(name, connection)

    def _first(self, market: PairMarket, channel: str) -> Frame:
        if channel == TRADE:
            return frames.trade_list(market.pair, reversed(market.tape.last), self._code)
        return self._full(market, channel)

    def _full(self, market: PairMarket, channel: str) -> Frame:
        number = market.change_set + (market.orderbook_offset if channel == ORDERBOOK else 0)
        book = market.book
        return frames.book_full(market.pair, channel, number, book.bids.published(), book.asks.published())
