"""A group of streams and sockets that are full at the worst moment; real sockets seldom are just then."""

import asyncio
import math
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry

from spark_bus.cursor import Cursor, EntryId, spell
from spark_bus.reader import Entry, Snapshot
from spark_gateway.broadcast import Broadcast
from spark_gateway.feed import RING, Feed
from spark_gateway.member import FULL_BYTES, Member, chunk
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import CHANNELS, Interest, Subscription
from spark_market import wire
from spark_service.lifecycle import end
from support.examples import VENUE, a_ticker, tickers

from .examples import a_book, a_trade

HERE = Cursor(VENUE, "e0", EntryId(1_000, 0))


class Socket:
    """A transport whose other end takes nothing until `drain`."""

    def __init__(self) -> None:
        self.taken = b""
        self.kept = 0
        self.full_again = False
        self.closed = False

    def write(self, data: bytes) -> None:
        self.taken += data
        if self.full_again:
            self.fill()

    def get_write_buffer_size(self) -> int:
        return self.kept

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    close = abort

    def fill(self) -> None:
        self.kept = FULL_BYTES + 1

    def drain_once(self) -> None:
        """Take what there is, and then nothing after the next write."""
        self.kept, self.full_again = 0, True

    def drain(self) -> None:
        self.kept = 0

    def drain_for_good(self) -> None:
        self.kept, self.full_again = 0, False

    def told(self, kind: bytes) -> list[bytes]:
        """Return the events of one type."""
        return [line for line in self.taken.split(b"\n") if line.startswith(b'data: {"type":"%b"' % kind)]


class Group:
    """One group at a pace, on a venue that holds one ticker."""

    def __init__(
        self, throttle_ms: int = 0, latest: Mapping[str, tuple[EntryId, bytes]] | None = None, ring: int = RING
    ) -> None:
        metrics = GatewayMetrics(CollectorRegistry())
        self.feed = Feed(VENUE, metrics, ring)
        self.feed.restart(Snapshot(position=HERE, latest=latest or {}, instruments={}))
        self.status = b"data: UP\n\n"
        self.broadcast = Broadcast(
            {VENUE: self.feed},
            Subscription((Interest(VENUE, None, frozenset(CHANNELS)),), throttle_ms),
            metrics,
            turn=0,
            status_event=lambda _: self.status,
            health_event=lambda _, positions: b"data: health at %b\n\n" % spell(positions).encode(),
        )

    def join(self) -> Socket:
        socket = Socket()
        assert self.feed.position is not None
        self.broadcast.join(Member(socket), {VENUE: self.feed.position})
        return socket

    def publish(self, *prices: int) -> None:
        self.bring(*[Entry(EntryId(2_000, price), "ticker", "BTC_TRY", tickers(price)[0].data) for price in prices])

    def bring(self, *entries: Entry) -> None:
        self.offer(*entries)
        self.broadcast.flush()

    def offer(self, *entries: Entry) -> None:
        for frame in self.feed.append(list(entries)) if entries else ():
            self.broadcast.tracks[VENUE].offer(frame)


def test_a_status_that_comes_while_a_socket_is_full_is_told_when_it_has_drained() -> None:
    """When a venue goes down nothing else may follow for a long time: its readers must not go on believing it."""
    group = Group()
    socket = group.join()
    socket.fill()
    group.status = b"data: DOWN\n\n"
    group.broadcast.tell(group.status)
    assert b"DOWN" not in socket.taken

    socket.drain()
    group.broadcast.catch_up()

    assert b"data: DOWN\n\n" in socket.taken
    assert b"lagged" not in socket.taken, "it missed no value"


def test_who_lagged_gets_the_newest_value_once_and_goes_on_in_step() -> None:
    group = Group()
    socket, other = group.join(), group.join()
    socket.fill()
    group.publish(1)
    group.publish(2, 3)
    socket.drain()
    group.broadcast.catch_up()
    group.publish(4)

    assert [other.taken.count(b'"price":%d,' % price) for price in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert [socket.taken.count(b'"price":%d,' % price) for price in (1, 2, 3, 4)] == [0, 0, 1, 1]
    assert b'{"type":"lagged","data":{"venue":"btcturk","conflated":2,"dropped":0}}' in socket.taken


def test_one_who_lags_is_given_no_position_beyond_what_it_was_written() -> None:
    """Its browser would come back with it, and never see what lies between."""
    group = Group()
    socket = group.join()
    socket.fill()
    group.publish(1)
    socket.drain()
    group.broadcast.ping(math.inf)
    group.broadcast.ping(math.inf)

    assert b"health" not in socket.taken


def test_one_who_joins_ahead_of_its_group_gets_only_what_is_new_to_it() -> None:
    """Within a window, or coming from another replica, it has had some of what the others still wait for."""
    group = Group(throttle_ms=60_000)
    early = group.join()
    group.offer(Entry(EntryId(2_000, 1), "ticker", "BTC_TRY", tickers(1)[0].data))
    late = group.join()
    group.publish(2)

    assert early.taken.count(b'"price":2,') == late.taken.count(b'"price":2,') == 1
    assert b'"price":1,' not in late.taken


def test_one_who_takes_nothing_is_dropped_and_one_who_is_gone_leaves() -> None:
    group = Group()
    stuck, gone = group.join(), group.join()
    stuck.fill()
    gone.closed = True
    group.broadcast.drop_stuck(now=0)
    group.broadcast.drop_stuck(now=29)
    assert not stuck.closed
    group.broadcast.drop_stuck(now=31)

    assert stuck.closed
    assert len(group.broadcast) == 0


def test_who_lagged_gets_every_trade_and_the_newest_whole_book() -> None:
    group = Group()
    group.bring(Entry(EntryId(2_000, 0), "book", "BTC_TRY", wire.encode(a_book("1", None, bids=[(100, 1)]))))
    socket = group.join()
    socket.fill()
    group.bring(
        Entry(EntryId(2_000, 1), "trade", "BTC_TRY", wire.encode(a_trade("1"))),
        Entry(EntryId(2_000, 2), "book", "BTC_TRY", wire.encode(a_book("2", "1", bids=[(101, 2)]))),
        Entry(EntryId(2_000, 3), "ticker", "BTC_TRY", wire.encode(a_ticker(5))),
        Entry(EntryId(2_000, 4), "trade", "BTC_TRY", wire.encode(a_trade("2"))),
        Entry(EntryId(2_000, 5), "book", "BTC_TRY", wire.encode(a_book("3", "2", bids=[(100, 0)]))),
        Entry(EntryId(2_000, 6), "ticker", "BTC_TRY", wire.encode(a_ticker(6))),
    )
    socket.drain()
    group.broadcast.catch_up()

    assert [line.count(b'"id":"%d"' % number) for number, line in enumerate(socket.told(b"trade"), 1)] == [1, 1]
    assert [b'"price":6,' in line for line in socket.told(b"ticker")] == [True]
    [book] = socket.told(b"book")
    assert b'"sequence":"3","previous":null,"bids":[[101,2]]' in book
    assert socket.told(b"lagged") == [b'data: {"type":"lagged","data":{"venue":"btcturk","conflated":2,"dropped":0}}']


def a_large_book(symbol: str) -> bytes:
    """Return a book that alone is more than a socket takes at once."""
    return wire.encode(a_book("1", None, symbol, [(price, 1) for price in range(10_000, 18_000)]))


def test_who_drains_a_little_is_given_a_part_and_goes_on_from_there() -> None:
    group = Group()
    socket = group.join()
    socket.fill()
    group.bring(
        *[Entry(EntryId(2_000, at), "book", symbol, a_large_book(symbol)) for at, symbol in enumerate("ABC")],
        Entry(EntryId(2_000, 3), "trade", "A", wire.encode(a_trade("1"))),
    )
    taken = []
    for _ in range(4):
        socket.drain_once()
        group.broadcast.catch_up()
        taken.append((len(socket.told(b"book")), len(socket.told(b"trade")), socket.taken.count(b"health")))

    assert taken == [(1, 0, 0), (2, 0, 0), (3, 0, 0), (3, 1, 1)]
    assert not socket.told(b"gap")


def test_values_of_one_entry_are_not_parted() -> None:
    """Books that were refreshed at the same time are as of one entry: a position cannot tell between them."""
    latest = {f"book:{symbol}": (HERE.entry, a_large_book(symbol)) for symbol in "ABC"}
    group = Group(latest=latest)
    socket = group.join()
    socket.fill()
    group.publish(1)
    group.feed.restart(Snapshot(position=HERE._replace(epoch="e1"), latest=latest, instruments={}))
    group.broadcast.restart(VENUE, "epoch", 0)
    socket.drain_once()
    group.broadcast.catch_up()

    assert len(socket.told(b"book")) == 3
    assert len(socket.told(b"gap")) == 1


def test_a_flush_without_anything_to_tell_does_not_end_the_response() -> None:
    """An empty chunk is the end of an HTTP response; here a book was replaced and then lost within one window."""
    group = Group(throttle_ms=250)
    socket = group.join()
    first = Entry(EntryId(2_000, 1), "book", "BTC_TRY", wire.encode(a_book("1", None)))
    second = Entry(EntryId(2_000, 2), "book", "BTC_TRY", wire.encode(a_book("9", None)))
    group.offer(first, second)
    group.feed.learn({})
    group.publish()

    assert b"0\r\n\r\n" not in socket.taken
    assert socket.told(b"book") == []


def trades(*ids: int) -> list[Entry]:
    return [Entry(EntryId(3_000, id_), "trade", "BTC_TRY", wire.encode(a_trade(str(id_)))) for id_ in ids]


def many_values(first: int) -> list[Entry]:
    """Return tickers of more than a socket takes at once."""
    symbols = [f"S{number}_TRY" for number in range(400)]
    return [
        Entry(EntryId(3_000, first + at), "ticker", symbol, wire.encode(a_ticker(7, symbol)))
        for at, symbol in enumerate(symbols)
    ]


def one_who_was_told_a_gap_and_given_a_part() -> tuple[Group, Socket]:
    group = Group(ring=1_000)
    socket = group.join()
    socket.fill()
    group.bring(*many_values(1))
    group.bring(*trades(*range(1_000, 2_000)))
    socket.drain_once()
    group.broadcast.catch_up()
    assert len(socket.told(b"gap")) == 1
    assert group.broadcast.has_lagging
    return group, socket


def test_who_lags_again_while_it_catches_up_is_told_of_that_hole_too() -> None:
    """It drains a little at a time, and memory goes by once more in between."""
    group, socket = one_who_was_told_a_gap_and_given_a_part()
    group.bring(*trades(*range(5_000, 8_000)))
    socket.drain_for_good()
    group.broadcast.catch_up()

    assert not group.broadcast.has_lagging
    assert len(socket.told(b"gap")) == 2


@pytest.mark.parametrize("after_a_gap", [True, False])
def test_an_epoch_that_begins_while_it_catches_up_is_told(after_a_gap: bool) -> None:
    if after_a_gap:
        group, socket = one_who_was_told_a_gap_and_given_a_part()
    else:
        group = Group()
        socket = group.join()
        socket.fill()
        group.bring(*many_values(1))
        socket.drain_once()
        group.broadcast.catch_up()
    before = len(socket.told(b"gap"))
    group.feed.restart(Snapshot(Cursor(VENUE, "e1", EntryId(9_000, 0)), {}, {}))
    group.broadcast.restart(VENUE, "epoch", 5)
    socket.drain_for_good()
    group.broadcast.catch_up()

    assert [b'"cause":"epoch"' in gap for gap in socket.told(b"gap")[before:]] == [True]


def test_a_new_epoch_repeats_no_trade_of_the_old_one_to_who_lagged() -> None:
    """Its stream still holds what came before its birth."""
    group = Group()
    socket = group.join()
    group.bring(*trades(1, 2, 3))
    socket.fill()
    group.bring(*trades(4))
    birth = EntryId(9_000, 0)
    recent = [*trades(1, 2, 3, 4), Entry(birth, "instruments", "", b"{}")]
    group.feed.restart(Snapshot(Cursor(VENUE, "e1", birth), {}, {}, recent))
    group.broadcast.restart(VENUE, "epoch", 5)
    socket.drain_for_good()
    group.broadcast.catch_up()

    assert len(socket.told(b"trade")) == 3
    assert len(socket.told(b"gap")) == 1
    assert group.feed.trades(None, 100) == []


async def test_a_goodbye_never_comes_amid_an_event() -> None:
    """Not even when a long opening is cut short by it: the browser would take half an id for a whole one."""
    socket = Socket()
    socket.full_again = True
    member = Member(socket)
    events = b"id: btcturk.e0.3000-1\ndata: %b\n\n" % (b"x" * 100) * 1_000
    writing = asyncio.ensure_future(member.write_patiently(events, 5))
    await asyncio.sleep(0)
    member.finish(b"data: goodbye\n\n")
    await end([writing])

    before, goodbye, _ = socket.taken.partition(chunk(b"data: goodbye\n\n"))
    assert goodbye
    assert before.endswith(b"\n\n\r\n")
