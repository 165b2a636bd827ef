"""Books and trades to test with."""

from collections.abc import Iterable
from decimal import Decimal

from spark_bus.cursor import Cursor, EntryId
from spark_bus.reader import Entry
from spark_gateway.events import Frame, frame
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Book, Gap, Trade
from support.examples import NOON, VENUE

Levels = Iterable[tuple[int | str, int | str]]
HERE = Cursor(VENUE, "e0", EntryId(1_000, 0))


def a_book(sequence: str, previous: str | None, symbol: str = "BTC_TRY", bids: Levels = (), asks: Levels = ()) -> Book:
    return Book(
        venue=VENUE, symbol=symbol, mode=Mode.MOCK, sequence=sequence, previous=previous, bids=_exact(bids),
        asks=_exact(asks), venue_time=None, received_at=NOON,
    )  # fmt: skip


def _exact(levels: Levels) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in levels)


def a_trade(number: str, symbol: str = "BTC_TRY", received_at: int = NOON) -> Trade:
    return Trade(
        venue=VENUE, symbol=symbol, mode=Mode.MOCK, id=number, price=Decimal(100), size=Decimal("0.5"), side=None,
        venue_time=NOON, received_at=received_at,
    )  # fmt: skip


def a_frame(message: Book | Trade | Gap, number: int) -> Frame:
    """Return a message as the stream's entry ``number``."""
    found = frame(VENUE, HERE.epoch, an_entry(message, number))
    assert found is not None
    return found


def an_entry(message: Book | Trade | Gap, number: int) -> Entry:
    return Entry(EntryId(2_000, number), wire.type_of(message), message.symbol or "", wire.encode(message))
