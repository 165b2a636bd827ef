"""One connection's conversation: what its frames say goes to the market data, and what that proves to the joins."""

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

import structlog

from spark_ingest_btcturk.channels import BOOK, TICKER, TRADE, Subscription, subscription
from spark_ingest_btcturk.directory import Directory
from spark_ingest_btcturk.marketdata import MarketData
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame
from spark_ingest_btcturk.received import BookChanges, BookSnapshot, Said, Tickers, TradeList, TradeSingle
from spark_ingest_btcturk.subscriptions import Subscriptions

_MOST_MALFORMED_LOGGED = 20
_TRADE_KIND = "422"

logger = structlog.get_logger()


@lru_cache(maxsize=2048)  # more than the venue has pairs
def _ticker(event: str) -> Subscription:
    return Subscription(TICKER, event)


class MalformedLog:
    """What the venue sent and should not have: all counted, the first ones logged."""

    def __init__(self) -> None:
        self.count = 0
        self._logged = 0

    def note(self, reasons: Sequence[str]) -> None:
        """So many frames, or rows of one, were malformed."""
        self.count += len(reasons)
        self._logged += 1
        if self._logged <= _MOST_MALFORMED_LOGGED:
            logger.warning("malformed frame", reason=reasons[0][:200], rows=len(reasons))
        elif self._logged == _MOST_MALFORMED_LOGGED + 1:
            logger.warning("more malformed frames; they are counted, and no longer logged")


class Listener:
    """Made anew for every connection, since what the venue repeats it repeats to a connection."""

    def __init__(
        self,
        protocol: BtcTurkProtocol,
        subscriptions: Subscriptions,
        directory: Directory,
        market: MarketData,
        probes: Callable[[], Collection[Subscription]],
        metrics: IngestMetrics,
        malformed: MalformedLog,
    ) -> None:
        """``probes`` are subscriptions of which only the life is of interest."""
        self._protocol = protocol
        self._subscriptions = subscriptions
        self._directory = directory
        self._market = market
        self._probes = probes
        self._metrics = metrics
        self._malformed = malformed

    def take(self, frame: bytes, received_at: int, now: float) -> bool:
        """Take in a frame; returns whether it was data, which alone proves that the feed is well."""
        try:
            received = self._protocol.receive(frame, received_at)
        except MalformedFrame as exc:
            self._lose(exc, now)
            return False
        said = received.said
        if isinstance(said, Tickers):  # nearly all that comes
            self._metrics.received(received.kind, len(said.heard) - len(said.changed), len(said.malformed))
            return self._hear_tickers(said, received_at, now)
        self._metrics.received(received.kind, 0, 0)
        return self._hear(said, received_at, now)

    def _hear_tickers(self, said: Tickers, received_at: int, now: float) -> bool:
        item, proof = _ticker(said.event), bool(said.heard)
        if not self._subscriptions.heard(item, now, proof=proof):
            return False
        if said.malformed:
            self._malformed.note(said.malformed)
        if said.unlisted:
            self._directory.notice(said.unlisted)
        if proof and item not in self._probes():
            self._market.take_tickers(item, said, received_at, now)
        return proof

    def _hear(self, said: Said, received_at: int, now: float) -> bool:
        match said:
            case BookChanges():
                item, proof = Subscription(BOOK, said.pair), False
            case TradeSingle():
                item, proof = Subscription(TRADE, said.pair), False
            case TradeList():
                item, proof = Subscription(TRADE, said.pair), True
            case BookSnapshot(channel="obdiff"):
                item, proof = Subscription(BOOK, said.pair), True
            case _:
                return False
        if not self._subscriptions.heard(item, now, proof=proof):
            return False
        match said:
            case BookChanges():
                broken = self._market.take_changes(item, said, received_at, now)
                if broken is not None:
                    self._join_anew(item, broken.cause, now)
            case TradeSingle():
                self._market.take_trade(item, said, received_at, now)
            case TradeList():
                if said.malformed:
                    self._malformed.note(said.malformed)
                self._market.take_trades(item, said, received_at, now)
            case BookSnapshot():
                self._market.take_snapshot(item, said, received_at, now)
        return True

    def _lose(self, exc: MalformedFrame, now: float) -> None:
        """A frame is lost. Where its subscription begins with a list or a snapshot, that tells what was in it."""
        self._metrics.received("malformed", 0, 1)
        self._malformed.note([str(exc)])
        for item in self._concerned(exc):
            self._join_anew(item, "malformed", now)

    def _concerned(self, exc: MalformedFrame) -> list[Subscription]:
        """Return what the frame may have been of. A trade cut short of its pair may be anybody's, and leaves no trace.

        Of a book it does: the next number.
        """
        if exc.channel is not None and exc.event is not None:
            item = subscription(exc.channel, exc.event)
            return [] if item is None or item.channel == TICKER or item not in self._subscriptions else [item]
        if exc.kind == _TRADE_KIND:
            return [item for item in self._subscriptions.all() if item.channel == TRADE]
        return []

    def _join_anew(self, item: Subscription, cause: str, now: float) -> None:
        self._market.interrupted([item], cause)
        if self._subscriptions.distrust(item, now):  # else it is about to be: not to be told of with every frame
            logger.warning("joining again", channel=item.channel, pair=item.event, cause=cause)
            self._metrics.resync(item.channel, cause)

    def fell_mute(self, mute: Sequence[Subscription]) -> None:
        """They are being joined anew, for others speak and they do not."""
        for item in mute:
            logger.warning("joining again", channel=item.channel, pair=item.event, cause="mute")
            self._metrics.resync(item.channel, "mute")
        self._market.interrupted([item for item in mute if item not in self._probes()], "mute")

    def interrupted(self, cause: str) -> None:
        """The connection is gone."""
        self._market.interrupted([item for item in self._subscriptions.all() if item not in self._probes()], cause)
