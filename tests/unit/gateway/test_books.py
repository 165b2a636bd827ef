"""A venue's books: each is right, or it is not here, and a gap says so once."""

from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry

from spark_bus.cursor import EntryId
from spark_gateway.books import Books
from spark_gateway.events import Frame
from spark_gateway.livebook import decoded
from spark_gateway.metrics import GatewayMetrics
from spark_market import wire
from spark_market.messages import Book, Gap
from support.examples import VENUE

from .examples import HERE, a_book, a_frame

FLOOR = HERE._replace(entry=EntryId(2_000, 10))


class Shelf:
    """The books of a venue, and what streams are told of what comes."""

    def __init__(
        self, latest: Mapping[str, tuple[EntryId, bytes]] | None = None, recent: list[Frame] | None = None
    ) -> None:
        self.registry = CollectorRegistry()
        self.books = Books(VENUE, GatewayMetrics(self.registry))
        self.books.restart(latest or {}, recent or [], FLOOR)

    def take(self, message: Book | Gap, number: int) -> Frame | None:
        item = a_frame(message, number)
        return self.books.take(item, FLOOR._replace(entry=item.entry))

    def sequence(self, symbol: str = "BTC_TRY") -> str | None:
        book = self.books.get(symbol)
        return None if book is None else decoded(book.message()).sequence

    def broken(self) -> float | None:
        return self.registry.get_sample_value("spark_gateway_books_broken_total")


def as_of(number: int, message: Book) -> dict[str, tuple[EntryId, bytes]]:
    return {f"book:{message.symbol}": (EntryId(2_000, number), wire.encode(message))}


def a_gap(channel: str | None, symbol: str | None) -> Gap:
    return Gap(venue=VENUE, channel=channel, symbol=symbol, from_=0, to=1, cause="sequence")


def test_deltas_follow_a_snapshot_and_are_passed_on_as_they_are() -> None:
    shelf = Shelf()
    snapshot, delta = a_book("1", None, bids=[(1, 1)]), a_book("2", "1", bids=[(1, 0), (2, 5)])

    assert shelf.take(snapshot, 11) == a_frame(snapshot, 11)
    assert shelf.take(delta, 12) == a_frame(delta, 12)

    book = shelf.books.get("BTC_TRY")
    assert book is not None
    assert book.message().count(b'"sequence":"2","previous":null,"bids":[[2,5]],"asks":[]') == 1
    assert book.position.entry == EntryId(2_000, 12)


def test_a_depth_gives_the_best_levels_of_each_side() -> None:
    shelf = Shelf()
    shelf.take(a_book("1", None, bids=[(1, 1), (3, 1), (2, 1)], asks=[(9, 1), (7, 1), (8, 1)]), 11)

    book = shelf.books.get("BTC_TRY")
    assert book is not None
    assert b'"bids":[[3,1],[2,1]],"asks":[[7,1],[8,1]]' in book.message(2)


def test_a_delta_that_does_not_fit_becomes_a_gap_and_nothing_follows_until_a_snapshot() -> None:
    shelf = Shelf()
    shelf.take(a_book("1", None), 11)

    gap = shelf.take(a_book("3", "2"), 12)
    after = shelf.take(a_book("4", "3"), 13)

    assert gap is not None
    assert (gap.kind, gap.channel, gap.symbol, gap.entry.seq) == ("gap", "book", "BTC_TRY", 12)
    assert b'"cause":"broken"' in gap.data
    assert (after, shelf.sequence(), shelf.broken()) == (None, None, 1)
    assert shelf.books.unknown == {"BTC_TRY"}
    snapshot = a_book("9", None)
    assert shelf.take(snapshot, 14) == a_frame(snapshot, 14)
    assert (shelf.sequence(), shelf.books.unknown, shelf.broken()) == ("9", set(), 1)


def test_a_delta_of_a_book_that_nobody_told_of_is_a_gap_once() -> None:
    shelf = Shelf()

    assert [shelf.take(a_book(str(n), str(n - 1)), n) is None for n in (11, 12, 13)] == [False, True, True]


@pytest.mark.parametrize("text", [b"{}", b'{"type":"book","data":{"bids":[["x",1]]}}', b"\xff", b"[" * 5_000])
def test_a_book_that_cannot_be_read_is_broken(text: bytes) -> None:
    shelf = Shelf()
    shelf.take(a_book("1", None), 11)
    item = a_frame(a_book("2", "1"), 12)._replace(data=text)

    gap = shelf.books.take(item, FLOOR)

    assert gap is not None and gap.kind == "gap"
    assert shelf.sequence() is None


@pytest.mark.parametrize(
    ("gap", "left"),
    [
        (a_gap("book", "BTC_TRY"), {"ETH_TRY"}),
        (a_gap("book", None), set()),
        (a_gap(None, None), set()),
        (a_gap("trade", None), {"BTC_TRY", "ETH_TRY"}),
        (a_gap("book", "XRP_TRY"), {"BTC_TRY", "ETH_TRY"}),
    ],
)
def test_a_gap_of_the_bus_voids_the_books_it_touches(gap: Gap, left: set[str]) -> None:
    """Who opens a stream before the next snapshot must not be given a book with a hole that he is not told of."""
    shelf = Shelf()
    for symbol in ("BTC_TRY", "ETH_TRY"):
        shelf.take(a_book("1", None, symbol), 11)

    assert shelf.take(gap, 12) == a_frame(gap, 12)

    assert {book.symbol for book in shelf.books.known()} == left
    assert shelf.books.unknown == {"BTC_TRY", "ETH_TRY"} - left


def test_an_empty_book_is_a_book() -> None:
    shelf = Shelf()
    shelf.take(a_book("1", None), 11)
    shelf.take(a_gap("book", None), 12)

    assert shelf.sequence() is None


def test_a_start_applies_exactly_what_came_after_the_value_it_found() -> None:
    """The deltas before it are in it already: only the sequence would show that they were applied twice."""
    recent = [a_frame(a_book(str(n), str(n - 1), bids=[(n, 1)]), n) for n in (11, 12, 13, 14)]

    shelf = Shelf(as_of(12, a_book("12", None, bids=[(1, 1)])), recent)

    assert (shelf.sequence(), shelf.books.unknown, shelf.broken()) == ("14", set(), 0)
    book = shelf.books.get("BTC_TRY")
    assert book is not None and b'"bids":[[14,1],[13,1],[1,1]]' in book.message()


def test_a_value_older_than_what_memory_reaches_back_to_waits_and_what_comes_meanwhile_is_passed_on() -> None:
    shelf = Shelf(as_of(9, a_book("9", None)), [a_frame(a_book("11", "10"), 11)])

    assert shelf.sequence() is None
    assert not shelf.books.settled.is_set()
    assert shelf.books.missing(lambda _: True) == ["BTC_TRY"]  # a stream is told so
    assert shelf.take(a_book("12", "11"), 12) is not None, "who comes from another replica may hold what it follows"

    for number in (10, 11, 12):
        shelf.books.approach(a_frame(a_book(str(number), str(number - 1)), number), FLOOR)
    shelf.books.join()

    assert shelf.sequence() == "12"
    assert shelf.books.settled.is_set()
    [news] = shelf.books.news(FLOOR._replace(entry=EntryId(2_000, 13)))
    assert (news.entry.seq, news.event.startswith(b"data: ")) == (13, True)
    assert shelf.books.news(FLOOR) == []


def test_what_nobody_was_told_to_be_unknown_is_no_news_when_it_is_known() -> None:
    shelf = Shelf(as_of(10, a_book("10", None)) | as_of(9, a_book("9", None, "ETH_TRY")))
    shelf.books.approach(a_frame(a_book("10", "9", "ETH_TRY"), 10), FLOOR)
    shelf.books.join()

    assert shelf.sequence("ETH_TRY") == "10"
    assert shelf.books.news(FLOOR) == []


def test_a_base_that_is_given_up_stays_unknown_until_a_snapshot() -> None:
    shelf = Shelf(as_of(9, a_book("9", None)))
    shelf.books.give_up("BTC_TRY")

    assert shelf.books.settled.is_set()
    assert shelf.take(a_book("12", "11"), 12) is None
    assert (shelf.sequence(), shelf.books.unknown) == (None, {"BTC_TRY"})
    assert shelf.take(a_book("50", None), 13) is not None
    assert shelf.sequence() == "50"


def test_a_value_that_cannot_be_read_is_unknown() -> None:
    shelf = Shelf({"book:BTC_TRY": (EntryId(2_000, 12), b"no book"), "weather:BTC_TRY": (EntryId(2_000, 12), b"")})

    assert (shelf.books.unknown, shelf.broken()) == ({"BTC_TRY"}, 1)


def test_what_the_venue_carries_no_more_is_forgotten_and_its_stragglers_are_no_trouble() -> None:
    shelf = Shelf()
    shelf.take(a_book("1", None), 11)
    shelf.books.keep({"ETH_TRY"})

    assert shelf.take(a_book("2", "1"), 12) is None
    assert (shelf.sequence(), shelf.books.unknown, shelf.broken()) == (None, set(), 0)
    shelf.take(a_book("1", None), 13)
    assert shelf.sequence() == "1"


def test_how_many_are_known_is_a_metric() -> None:
    shelf = Shelf()
    shelf.take(a_book("1", None), 11)
    shelf.take(a_book("1", None, "ETH_TRY"), 12)
    shelf.take(a_gap("book", "ETH_TRY"), 13)

    def books(verdict: str) -> float | None:
        return shelf.registry.get_sample_value("spark_gateway_books", {"venue": VENUE, "verdict": verdict})

    assert (books("known"), books("unknown")) == (1, 1)
