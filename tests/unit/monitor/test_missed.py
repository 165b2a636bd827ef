"""What was silent when a connection ended is not well for having been connected again."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from spark_bus import feed
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat, Status
from spark_market.sessions import always_open
from spark_monitor.hours import Hours
from spark_monitor.judgement import Judgement
from spark_monitor.latency import Latencies
from spark_monitor.mind import Found, Mind
from spark_service.clock import WallClock

BEGAN_MS = 1_766_404_800_000
TICKER, TRADE = "ticker:BTC_TRY", "trade:BTC_TRY"


class Venue:
    """A mind, and what an ingest tells it each second."""

    def __init__(self) -> None:
        hours = Hours(always_open(), WallClock())
        self.mind = Mind("btcturk", 30.0, hours, Latencies(CollectorRegistry(), ["btcturk"]), lambda _, error: None)
        self.second = 0
        self.connected_since: int | None = BEGAN_MS
        self.heard: dict[str, int] = {TICKER: BEGAN_MS + 500, TRADE: BEGAN_MS + 500}

    @property
    def ms(self) -> int:
        return BEGAN_MS + self.second * 1000

    def pass_seconds(self, seconds: int, *spoke: str, unproven: tuple[str, ...] = ()) -> Judgement:
        judgement = None
        for _ in range(seconds):
            self.second += 1
            connected = self.connected_since is not None
            self.heard |= dict.fromkeys(spoke, self.ms) if connected else {}
            beat = Heartbeat(
                venue="btcturk", mode=Mode.MOCK, sent_at=self.ms, connected=connected, ages={"ticker": 100}
            )
            self.mind.hearing.take(beat, self.ms, float(self.second))
            heard: Mapping[bytes, bytes] = {name.encode(): b"%d" % at for name, at in self.heard.items()}
            told = feed.FeedState(
                venue="btcturk", mode=Mode.MOCK, connected=connected, connected_since=self.connected_since,
                subscriptions=2, unproven=list(unproven), reconnects=0, malformed=0, queued=0, dropped=0,
            )  # fmt: skip
            judgement = self.mind.judge(Found(feed.encode(told), heard, self.ms), 100.0, float(self.second))
        assert judgement is not None
        return judgement

    def reconnect(self) -> None:
        self.connected_since = None
        assert self.pass_seconds(1).status is Status.DOWN
        self.connected_since = self.ms + 500


def test_what_was_silent_is_so_after_a_reconnection_until_it_speaks() -> None:
    """An ingest connects again for what it cannot bring back: that alone is no all-clear."""
    venue = Venue()
    assert venue.pass_seconds(40, TICKER, TRADE).status is Status.MOCK
    assert venue.pass_seconds(10, TICKER, unproven=(TRADE,)).overdue == (TRADE,)
    venue.reconnect()
    assert venue.pass_seconds(4, TICKER).overdue == (TRADE,)  # it is not yet counted as unproven
    for _ in range(30):
        judgement = venue.pass_seconds(1, TICKER, unproven=(TRADE,))
        assert judgement.status in (Status.DOWN, Status.DEGRADED)  # the former for a moment: better comes slowly
        assert judgement.overdue == (TRADE,)
    assert venue.pass_seconds(7, TICKER, TRADE).status is Status.MOCK


def test_a_reconnection_that_brings_it_back_is_the_end_of_it() -> None:
    venue = Venue()
    venue.pass_seconds(40, TICKER, TRADE)
    venue.pass_seconds(10, TICKER, unproven=(TRADE,))
    venue.reconnect()
    assert venue.pass_seconds(1, TICKER, TRADE).overdue == ()
    assert venue.pass_seconds(7, TICKER, TRADE).status is Status.MOCK


def test_what_was_well_before_a_reconnection_has_its_time_to_be_heard() -> None:
    venue = Venue()
    venue.pass_seconds(40, TICKER, TRADE)
    venue.reconnect()
    assert venue.pass_seconds(20, TICKER, unproven=(TRADE,)).status is Status.MOCK
    assert venue.pass_seconds(20, TICKER, unproven=(TRADE,)).overdue == (TRADE,)
