"""Messages and watchers to test with; a test says only what matters to it."""

from decimal import Decimal

from spark_bus.cursor import EntryId
from spark_bus.feed import FeedState
from spark_bus.publisher import Outgoing, outgoing
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Book, Gap, Heartbeat, Side, Ticker, Trade

VENUE = "btcturk"
NOON = 1_766_400_000_000


def a_ticker(price: int | str = 100, symbol: str = "BTC_TRY", received_at: int = NOON) -> Ticker:
    return Ticker(
        venue=VENUE, symbol=symbol, mode=Mode.MOCK, price=Decimal(price), venue_time=None, received_at=received_at
    )


def tickers(*prices: int, symbol: str = "BTC_TRY") -> list[Outgoing]:
    return [outgoing(a_ticker(price, symbol, NOON + price)) for price in prices]


def a_trade(id_: int = 1, symbol: str = "BTC_TRY", received_at: int = NOON, venue_time: int | None = NOON) -> Trade:
    return Trade(
        venue=VENUE, symbol=symbol, mode=Mode.MOCK, id=str(id_), price=Decimal(100), size=Decimal(1), side=Side.BUY,
        venue_time=venue_time, received_at=received_at,
    )  # fmt: skip


def a_book(
    sequence: int = 1, previous: int | None = None, symbol: str = "BTC_TRY", received_at: int = NOON,
    bids: tuple[tuple[Decimal, Decimal], ...] = ((Decimal(99), Decimal(1)),),
    asks: tuple[tuple[Decimal, Decimal], ...] = ((Decimal(101), Decimal(1)),),
) -> Book:  # fmt: skip
    return Book(
        venue=VENUE, symbol=symbol, mode=Mode.MOCK, sequence=str(sequence),
        previous=None if previous is None else str(previous), bids=bids, asks=asks, venue_time=None,
        received_at=received_at,
    )  # fmt: skip


def a_gap(
    from_: int = NOON, to: int = NOON + 1, *, channel: str | None = "ticker", symbol: str | None = None,
    cause: str = "closed", lost: int | None = None,
) -> Gap:  # fmt: skip
    return Gap(venue=VENUE, channel=channel, symbol=symbol, from_=from_, to=to, cause=cause, lost=lost)


def a_heartbeat(sent_at: int = NOON) -> Heartbeat:
    return Heartbeat(venue=VENUE, mode=Mode.MOCK, sent_at=sent_at, connected=True, ages={"ticker": 5})


def a_feed_state() -> FeedState:
    return FeedState(
        venue=VENUE, mode=Mode.MOCK, connected=True, connected_since=NOON, subscriptions=1, unproven=[],
        reconnects=0, malformed=0, queued=0, dropped=0,
    )  # fmt: skip


def an_instrument(symbol: str = "BTC_TRY") -> Instrument:
    base, quote = symbol.split("_")
    return Instrument(symbol=symbol, base=base, quote=quote, venue_symbol=base + quote)


class Notes:
    """A watcher, of carrier or reader, that remembers what it was told."""

    def __init__(self) -> None:
        self.reached = 0
        self.lost: list[Exception] = []
        self.carried: list[Outgoing] = []
        self.epochs: list[str] = []
        self.stood_by: list[int] = []
        self.beats: list[EntryId] = []

    def bus_reached(self) -> None:
        self.reached += 1

    def bus_lost(self, error: Exception, wait_s: float) -> None:
        self.lost.append(error)

    def published(self, batch: list[Outgoing]) -> None:
        self.carried += batch

    def epoch_born(self, epoch: str) -> None:
        self.epochs.append(epoch)

    def standing_by(self, wait_ms: int) -> None:
        self.stood_by.append(wait_ms)

    def beaten(self, first: EntryId) -> None:
        self.beats.append(first)
