"""A group of streams and sockets that are full at the worst moment; real sockets seldom are just then."""

from prometheus_client import CollectorRegistry

from spark_bus.cursor import Cursor, EntryId
from spark_bus.reader import Entry, Snapshot
from spark_gateway.broadcast import Broadcast
from spark_gateway.feed import Feed
from spark_gateway.member import FULL_BYTES, Member
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import Subscription
from support.examples import VENUE, tickers

HERE = Cursor(VENUE, "e0", EntryId(1_000, 0))


class Socket:
    """A transport whose other end takes nothing until `drain`."""

    def __init__(self) -> None:
        self.taken = b""
        self.kept = 0
        self.closed = False

    def write(self, data: bytes) -> None:
        self.taken += data

    def get_write_buffer_size(self) -> int:
        return self.kept

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def fill(self) -> None:
        self.kept = FULL_BYTES + 1

    def drain(self) -> None:
        self.kept = 0


class Group:
    """One group at a pace, on a venue that holds one ticker."""

    def __init__(self, throttle_ms: int = 0) -> None:
        self.feed = Feed(VENUE)
        self.feed.restart(Snapshot(position=HERE, latest={}, instruments={}))
        self.status = b"data: UP\n\n"
        self.broadcast = Broadcast(
            self.feed,
            Subscription(VENUE, None, frozenset({"ticker"}), throttle_ms),
            GatewayMetrics(CollectorRegistry()),
            status_event=lambda: self.status,
            health_event=lambda position, _: b"data: health at %b\n\n" % str(position).encode(),
        )

    def join(self) -> Socket:
        socket = Socket()
        self.broadcast.join(Member(socket, self.feed.position))
        return socket

    def publish(self, *prices: int) -> None:
        entries = [
            Entry(EntryId(2_000, price), "ticker", message.symbol, message.data)
            for price, message in zip(prices, tickers(*prices), strict=True)
        ]
        for frame in self.feed.append(entries):
            self.broadcast.offer(frame)
        assert self.feed.position is not None
        self.broadcast.flush(self.feed.position)


def test_a_status_that_comes_while_a_socket_is_full_is_told_when_it_has_drained() -> None:
    """When a venue goes down nothing else may follow for a long time: its readers must not go on believing it."""
    group = Group()
    socket = group.join()
    socket.fill()
    group.status = b"data: DOWN\n\n"
    group.broadcast.tell(group.status)
    assert b"DOWN" not in socket.taken

    socket.drain()
    group.broadcast.look_after(now=0)

    assert b"data: DOWN\n\n" in socket.taken
    assert b"lagged" not in socket.taken, "it missed no value"


def test_who_lagged_gets_the_newest_value_once_and_goes_on_in_step() -> None:
    group = Group()
    socket, other = group.join(), group.join()
    socket.fill()
    group.publish(1)
    group.publish(2, 3)
    socket.drain()
    group.broadcast.look_after(now=0)
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
    group.broadcast.ping()

    assert b"health" not in socket.taken


def test_one_who_joins_ahead_of_its_group_gets_only_what_is_new_to_it() -> None:
    """Within a window, or coming from another replica, it has had some of what the others still wait for."""
    group = Group(throttle_ms=60_000)
    early = group.join()
    for frame in group.feed.append([Entry(EntryId(2_000, 1), "ticker", "BTC_TRY", tickers(1)[0].data)]):
        group.broadcast.offer(frame)
    late = group.join()
    group.publish(2)

    assert early.taken.count(b'"price":2,') == late.taken.count(b'"price":2,') == 1
    assert b'"price":1,' not in late.taken


def test_one_who_takes_nothing_is_dropped_and_one_who_is_gone_leaves() -> None:
    group = Group()
    stuck, gone = group.join(), group.join()
    stuck.fill()
    gone.closed = True
    group.broadcast.look_after(now=0)
    group.broadcast.look_after(now=29)
    assert not stuck.closed
    group.broadcast.look_after(now=31)

    assert stuck.closed
    assert len(group.broadcast) == 0
