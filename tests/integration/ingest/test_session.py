"""The session against a real WebSocket server: it comes back from everything, and says what may be missing."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import pytest
from prometheus_client import CollectorRegistry

from spark_ingest_btcturk.directory import Directory
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.session import Session
from spark_market.instruments import Mode
from spark_market.messages import Gap, Ticker
from support.eventually import eventually
from support.fake_venue import FakeVenue, Step, abort, close, hold, pause, refuse
from support.frames import recorded, ticker_of
from support.running import running

SESSION = "spark_ingest_btcturk.session"


def btc(price: int) -> str:
    return ticker_of("BTCTRY", str(price), "BTC")


def eth(price: int) -> str:
    return ticker_of("ETHTRY", str(price), "ETH")


class Listener:
    """A session with what it published, and how long it waited between tries."""

    def __init__(self, venue: FakeVenue, events: Sequence[str], last_published: int | None) -> None:
        self.published: list[Ticker | Gap] = []
        self.waited: list[int] = []
        self.registry = CollectorRegistry()
        self.directory = Directory("*")
        self.session = Session(
            venue.url,
            Mode.MOCK,
            events,
            publish=self.published.extend,
            directory=self.directory,
            metrics=IngestMetrics(self.registry),
            waits=self._waits,
            known_until={} if last_published is None else dict.fromkeys(events, last_published),
        )

    def _waits(self) -> Iterator[float]:
        for step in count():
            self.waited.append(step)  # how often in a row without a new beginning
            yield 0.01

    @property
    def prices(self) -> list[int]:
        return [int(message.price or 0) for message in self.published if isinstance(message, Ticker)]

    @property
    def gaps(self) -> list[Gap]:
        return [message for message in self.published if isinstance(message, Gap)]

    def reconnects(self, cause: str) -> float:
        labels = {"venue": "btcturk", "cause": cause}
        return self.registry.get_sample_value("spark_ingest_reconnects_total", labels) or 0


@asynccontextmanager
async def listening(
    venue: FakeVenue, events: Sequence[str] = ("BTCTRY",), last_published: int | None = None
) -> AsyncIterator[Listener]:
    listener = Listener(venue, events, last_published)
    async with running(listener.session.run()):
        yield listener


async def test_data_flows_from_the_socket() -> None:
    async with (
        FakeVenue([recorded("welcome.json").decode(), btc(1), btc(1), btc(2)]) as venue,
        listening(venue) as listener,
    ):
        await eventually(lambda: listener.prices == [1, 2])
        assert listener.session.connected_since is not None
        assert listener.session.unproven() == []
        assert set(listener.session.heard) == {"ticker:BTC_TRY"}
        assert set(listener.directory.instruments) == {"BTC_TRY"}

    assert listener.gaps == []


@pytest.mark.parametrize("end", [close, abort], ids=["closed", "cut"])
async def test_a_lost_connection_is_opened_and_joined_again_and_the_hole_disclosed(end: Step) -> None:
    """The gap comes before the first data of after the break, and spans exactly what was not watched."""
    async with (
        FakeVenue([btc(1), eth(5), end], [btc(2), eth(5)]) as venue,
        listening(venue, ["BTCTRY", "ETHTRY"]) as listener,
    ):
        await eventually(lambda: len(listener.published) == 6)

    assert venue.joins[0][:2] == venue.joins[1][:2] == ["BTCTRY", "ETHTRY"]
    before_btc, before_eth, btc_gap, btc_after, eth_gap, eth_after = listener.published
    for before, gap, after, symbol in (
        (before_btc, btc_gap, btc_after, "BTC_TRY"), (before_eth, eth_gap, eth_after, "ETH_TRY"),
    ):  # fmt: skip
        assert isinstance(before, Ticker)
        assert isinstance(after, Ticker)
        assert gap == Gap(
            venue="btcturk", channel="ticker", symbol=symbol, from_=before.received_at, to=after.received_at,
            cause="closed",
        )  # fmt: skip
    assert listener.session.reconnects == 1


async def test_a_gap_reaches_back_to_the_last_repeat_not_the_last_tick() -> None:
    """An unchanged ticker was watched, too: a gap that is too long is a false alarm."""
    async with FakeVenue([btc(1), pause(0.1), btc(1), abort], [btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: len(listener.published) == 3)

    first, gap, _ = listener.published
    assert isinstance(first, Ticker)
    assert isinstance(gap, Gap)
    assert gap.from_ >= first.received_at + 90


async def test_a_start_after_another_writer_begins_with_a_gap() -> None:
    published_ms = time.time_ns() // 1_000_000 - 5_000
    async with FakeVenue([btc(1)]) as venue, listening(venue, last_published=published_ms) as listener:
        await eventually(lambda: listener.prices)

    gap, ticker = listener.published
    assert isinstance(gap, Gap)
    assert isinstance(ticker, Ticker)
    assert (gap.from_, gap.to, gap.cause) == (published_ms, ticker.received_at, "start")


async def test_greeting_and_hanging_up_does_not_reset_the_waits() -> None:
    """Otherwise a venue that is ill would be asked over and over at the shortest wait."""
    async with FakeVenue([btc(1), abort]) as venue, listening(venue) as listener:
        await eventually(lambda: len(listener.waited) >= 5)

    assert listener.waited[:5] == [0, 1, 2, 3, 4]


async def test_data_that_flowed_for_a_while_resets_the_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{SESSION}.STEADY_AFTER_S", 0.1)
    async with (
        FakeVenue([abort], [abort], [btc(1), pause(0.2), btc(2), abort], [hold]) as venue,
        listening(venue) as listener,
    ):
        await eventually(lambda: len(listener.waited) >= 3)

    assert listener.waited[:3] == [0, 1, 0]


async def test_a_connection_without_data_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is open and answers pings, and brings nothing: the venue's own way to die."""
    monkeypatch.setattr(f"{SESSION}.SILENT_AFTER_S", 0.2)
    async with FakeVenue([btc(1), hold], [btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert [gap.cause for gap in listener.gaps] == ["silent"]
    assert listener.reconnects("silent") == 1


async def test_a_pair_that_falls_silent_while_others_speak_is_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would tell of it: the connection is well, and the venue's acknowledgements mean nothing."""
    monkeypatch.setattr(f"{SESSION}.SILENT_AFTER_S", 0.3)
    monkeypatch.setattr(f"{SESSION}._LOOK_FOR_MUTE_S", 0.05)
    speaking: list[Step] = [eth(1), *[btc(1), pause(0.05)] * 40]
    async with (
        FakeVenue(speaking, [btc(2), eth(2)]) as venue,
        listening(venue, events=("BTCTRY", "ETHTRY")) as listener,
    ):
        await eventually(lambda: listener.prices[-2:] == [2, 2])

    assert listener.reconnects("silent") == 1
    assert {gap.symbol for gap in listener.gaps} == {"BTC_TRY", "ETH_TRY"}
    began = {gap.symbol: gap.from_ for gap in listener.gaps}
    assert began["ETH_TRY"] + 250 <= began["BTC_TRY"], "each from when it was last heard itself"


async def test_control_frames_and_rubbish_do_not_count_as_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a ticker that was asked for proves the feed."""
    monkeypatch.setattr(f"{SESSION}.SILENT_AFTER_S", 0.3)
    noise: list[Step] = []
    for _ in range(40):
        noise += [recorded("join_accepted.json"), "rubbish", '[431,{"PS":"BTCTRY"}]', eth(1), pause(0.025)]
    async with FakeVenue(noise, [btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [2])

    assert listener.reconnects("silent") == 1


async def test_repeats_count_as_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market in which nothing changes is not a dead one."""
    monkeypatch.setattr(f"{SESSION}.SILENT_AFTER_S", 0.3)
    repeats: list[Step] = [btc(1), pause(0.05)] * 14
    async with FakeVenue([*repeats, btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert listener.session.reconnects == 0


async def test_after_a_stall_of_our_own_what_waited_in_the_socket_is_discarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be stamped as received now, and nobody can tell how old it is."""
    monkeypatch.setattr(f"{SESSION}.STALLED_AFTER_S", 0.6)
    gate = asyncio.Event()

    async def when_told(ws: object) -> None:
        await gate.wait()

    async with FakeVenue([btc(1), when_told, btc(2), btc(3), hold], [btc(4)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1])
        gate.set()
        time.sleep(0.9)  # noqa: ASYNC251, this process stands still
        await eventually(lambda: 4 in listener.prices)

    assert listener.prices == [1, 4]
    assert [gap.cause for gap in listener.gaps] == ["stalled"]
    first, gap, last = listener.published
    assert isinstance(first, Ticker)
    assert isinstance(last, Ticker)
    assert isinstance(gap, Gap)
    assert (gap.from_, gap.to) == (first.received_at, last.received_at)


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_a_refused_connection_is_tried_again_and_counted_by_its_answer(status: int) -> None:
    """Too many requests, or no service: back off; it is not a wrong address."""
    async with FakeVenue(refuse(status), refuse(status), [btc(1)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1])

    assert listener.reconnects(f"refused_{status}") == 2
    assert listener.gaps == []
    assert listener.waited == [0, 1]


async def test_a_venue_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    async with FakeVenue(refuse(429, retry_after_s=1), [btc(1)]) as venue, listening(venue) as listener:
        started = time.monotonic()
        await eventually(lambda: listener.prices == [1])

    assert time.monotonic() - started >= 1


async def test_malformed_frames_cost_only_themselves() -> None:
    """The connection, and everything else on it, goes on."""
    rubbish: list[Step] = [
        "", "{", "[402]", "[402,{}]", b"\xff\xfe\x00", "[" * 50_000, btc(1).replace('"1"', '"NaN"'),
        btc(1).replace('"1"', "-1"),
    ]  # fmt: skip
    async with FakeVenue([btc(1), *rubbish, btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert listener.session.malformed == len(rubbish)
    assert listener.session.reconnects == 0
    assert listener.gaps == []


async def test_a_frame_beyond_all_size_costs_the_connection_not_the_process() -> None:
    async with FakeVenue([btc(1), "x" * (5 * 2**20)], [btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert len(listener.gaps) == 1


async def test_a_venue_that_is_not_there_is_tried_until_it_is() -> None:
    async with FakeVenue([btc(1)]) as venue:
        gone = venue.url
    listener = Listener(venue, ["BTCTRY"], None)
    listener.session._url = gone
    async with running(listener.session.run()):
        await eventually(lambda: listener.session.reconnects >= 3)
        assert not listener.session.connected_since

    assert listener.reconnects("network") >= 3


async def test_a_cancelled_session_ends_at_once() -> None:
    async with FakeVenue([btc(1)]) as venue:
        started = time.monotonic()
        async with listening(venue) as listener:
            await eventually(lambda: listener.prices)
        assert time.monotonic() - started < 3
