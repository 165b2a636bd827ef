"""Which subscription is silent although another one shows that it should speak.

Silence on trades or on a book proves nothing: a quiet pair is silent for minutes. But the venue also tells the last
price, the volume and the best quotes in its tickers, so what a ticker has and the other channel lacks is a reason to
join that one again. It is no proof: a volume may be corrected, a ticker may be behind. So a suspicion that turned out
false makes the next of its kind wait, longer each time.

A trade is missed when the volume has grown by more than the trades that came. While others come, each before its ticker
or after it, that cannot be told: so it is looked at when none has come for 10 s.

Also here, because it compares two channels too: which side of the book trades happen on.

Times are the monotonic clock's, in seconds.
"""

from collections import Counter, deque
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from spark_ingest_btcturk.channels import BOOK, TICKER, TRADE
from spark_market.messages import Side, Ticker, Trade

TRADE_BEFORE_S: Final = 5.0  # a ticker tells of a trade up to a second after it, or more when it was held up
TRADE_AFTER_S: Final = 10.0
BOOK_AFTER_S: Final = 15.0
FIRST_WAIT_S: Final = 60.0
LONGEST_WAIT_S: Final = 3_600.0

_ROUNDING: Final = Decimal("0.00000002")  # the venue rounds a volume to 8 decimals, and a trade's size to more
_MOST_UNTOLD: Final = 256

Suspect: TypeAlias = tuple[str, str]
"""A channel of ours, ``trade`` or ``book``, and a symbol."""


class _Top(NamedTuple):
    bid: Decimal | None
    ask: Decimal | None


class _Wait(NamedTuple):
    until: float
    length_s: float


class _Volume:
    """One symbol's volume, as its tickers tell of it, against its trades.

    The volume is of 24 hours, so it falls as they pass, and less is told than is traded: what a trade has too much is
    forgotten after 5 s, or it would hide a trade that is missed later.
    """

    def __init__(self) -> None:
        self.unexplained = Decimal(0)
        """What it has grown by and no trade explains."""
        self._untold: deque[tuple[float, Decimal]] = deque(maxlen=_MOST_UNTOLD)  # traded, and in no ticker yet
        self._settled_until = 0.0

    def traded(self, size: Decimal, now: float) -> None:
        """A trade came."""
        explained = min(size, self.unexplained)
        self.unexplained -= explained
        self._untold.append((now, size - explained))

    def grew(self, by: Decimal, now: float) -> None:
        """A ticker tells of so much more."""
        untold = self._untold
        while untold and now - untold[0][0] > TRADE_BEFORE_S:
            untold.popleft()
        while untold and by > 0:
            at, size = untold.popleft()
            if size > by:
                untold.appendleft((at, size - by))
            by -= size
        if by > _ROUNDING and now >= self._settled_until:
            self.unexplained += by

    def settle(self, now: float) -> None:
        """A list of trades came: all is explained, also what tickers will still tell of it."""
        self.unexplained = Decimal(0)
        self._untold.clear()
        self._settled_until = now + TRADE_BEFORE_S


class CrossCheck:
    """Compares what the channels of each symbol say."""

    def __init__(self) -> None:
        self._tickers: dict[str, Ticker] = {}
        self._tops: dict[str, _Top] = {}
        self._traded_at: dict[str, float] = {}
        self._volumes: dict[str, _Volume] = {}
        self._since: dict[Suspect, float] = {}  # what a ticker said then is not explained yet
        self._asked: set[Suspect] = set()
        self._waits: dict[Suspect, _Wait] = {}

    def saw_ticker(self, ticker: Ticker, now: float) -> None:
        """A ticker came whose figures differ from the one before."""
        symbol = ticker.symbol
        before = self._tickers.get(symbol)
        self._tickers[symbol] = ticker
        if before is not None:
            self._compare_with_trades(before, ticker, now)
        if self._differ(symbol):
            self._since.setdefault((BOOK, symbol), now)
        else:
            self._since.pop((BOOK, symbol), None)

    def _compare_with_trades(self, before: Ticker, after: Ticker, now: float) -> None:
        suspect = TRADE, after.symbol
        if after.volume is not None and before.volume is not None and after.volume > before.volume:
            volume = self._volume(after.symbol)
            volume.grew(after.volume - before.volume, now)
            if volume.unexplained:
                self._since.setdefault(suspect, now)
            else:
                self._since.pop(suspect, None)
        elif after.price is not None and after.price != before.price:  # the volume may have fallen by as much
            traded_at = self._traded_at.get(after.symbol)
            if traded_at is None or now - traded_at > TRADE_BEFORE_S:
                self._since.setdefault(suspect, now)

    def saw_trade(self, symbol: str, size: Decimal, now: float) -> None:
        """A trade came by itself."""
        self._traded_at[symbol] = now
        volume = self._volume(symbol)
        volume.traded(size, now)
        if volume.unexplained:
            self._since[TRADE, symbol] = now
        else:
            self._since.pop((TRADE, symbol), None)

    def saw_trades(self, symbol: str, now: float) -> None:
        """A list of trades came."""
        self._traded_at[symbol] = now
        self._volume(symbol).settle(now)
        self._since.pop((TRADE, symbol), None)

    def _volume(self, symbol: str) -> _Volume:
        volume = self._volumes.get(symbol)
        if volume is None:
            volume = self._volumes[symbol] = _Volume()
        return volume

    def saw_book(self, symbol: str, bid: Decimal | None, ask: Decimal | None, now: float) -> None:
        """The book channel brought a frame, after which these are the best prices, None for an empty side."""
        self._tops[symbol] = _Top(bid, ask)
        if self._differ(symbol):
            self._since[BOOK, symbol] = now
        else:
            self._since.pop((BOOK, symbol), None)

    def look(self, now: float) -> list[Suspect]:
        """Return what has become suspicious; each once, until it is cleared. Ask about once a second."""
        suspects = []
        for suspect, since in self._since.items():
            if now - since < (TRADE_AFTER_S if suspect[0] == TRADE else BOOK_AFTER_S) or suspect in self._asked:
                continue
            wait = self._waits.get(suspect)
            if wait is None or now >= wait.until:
                suspects.append(suspect)
        self._asked.update(suspects)
        return suspects

    def cleared(self, channel: str, symbol: str, now: float, *, useful: bool) -> None:
        """A suspect was joined again, and its first data has come; ``useful`` is whether that held anything new.

        If not, the next suspicion of it waits for a minute, then for two, up to an hour.
        """
        suspect = channel, symbol
        self._asked.discard(suspect)
        self._since.pop(suspect, None)
        if useful:
            self._waits.pop(suspect, None)
        else:
            wait = self._waits.get(suspect)
            length_s = FIRST_WAIT_S if wait is None else min(LONGEST_WAIT_S, 2 * wait.length_s)
            self._waits[suspect] = _Wait(now + length_s, length_s)

    def interrupted(self, channel: str, symbol: str) -> None:
        """A subscription is down or joined anew: what it said before is compared with nothing after.

        What another channel said still stands: a pair that fell mute as a whole shows so when its ticker is back. What
        was asked for stays asked for until it is cleared, or its repair would begin over and over.
        """
        if channel == TICKER:
            self._tickers.pop(symbol, None)
        if channel == BOOK:
            self._tops.pop(symbol, None)
        for suspect in (TRADE, BOOK):
            if channel in (TICKER, suspect):
                self._since.pop((suspect, symbol), None)

    def forget(self, symbol: str) -> None:
        """The symbol is not followed any more."""
        for channel in (TICKER, BOOK):
            self.interrupted(channel, symbol)
        self._traded_at.pop(symbol, None)
        self._volumes.pop(symbol, None)
        for channel in (TRADE, BOOK):
            self._asked.discard((channel, symbol))
            self._waits.pop((channel, symbol), None)

    def _differ(self, symbol: str) -> bool:
        ticker, top = self._tickers.get(symbol), self._tops.get(symbol)
        if ticker is None or top is None:
            return False
        # A ticker without a quote says nothing of the book.
        return bool((ticker.bid and ticker.bid != top.bid) or (ticker.ask and ticker.ask != top.ask))


class SideCheck:
    """Whether trades happen where their side says: a buyer takes the ask, a seller the bid.

    The venue's side 0 or 1 is documented one way and was observed the other way. One trade proves little, because the
    book is told up to a second late; many show an operator which mapping is right.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(agrees=0, contradicts=0, undecided=0)

    def saw(self, trade: Trade, bid: Decimal | None, ask: Decimal | None) -> None:
        """A trade came live; ``bid`` and ``ask`` are the best prices just before it."""
        self.counts[_verdict(trade, bid, ask)] += 1


def _verdict(trade: Trade, bid: Decimal | None, ask: Decimal | None) -> str:
    if trade.side is None or bid is None or ask is None or bid >= ask or bid < trade.price < ask:
        return "undecided"
    taker = Side.BUY if trade.price >= ask else Side.SELL
    return "agrees" if taker is trade.side else "contradicts"
