"""Listings, delistings and a venue without sockets: found out by itself, over real HTTP."""

import asyncio
import json
import time

import pytest
from structlog.testing import capture_logs

from integration.ingest.listening import btc, eth, listening
from spark_market.messages import Ticker
from support.eventually import eventually
from support.fake_venue import EXCHANGEINFO, FakeVenue, exchangeinfo
from support.scripted import hold, pause, refuse

TICKERS = "/api/v2/ticker"


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes faster than at the venue, where nothing of this is urgent."""
    monkeypatch.setattr("spark_ingest_btcturk.exchangeinfo.LEAST_REFRESH_S", 0.05)
    monkeypatch.setattr("spark_ingest_btcturk.limiter.WINDOW_S", 1.0)


@pytest.fixture
def soon_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_ingest_btcturk.polling.AFTER_S", 0.3)
    monkeypatch.setattr("spark_ingest_btcturk.polling.EVERY_S", 0.05)


def row(price: str, pair: str = "BTCTRY", at: int = 1_766_404_800_000) -> dict[str, object]:
    return {
        "pair": pair, "pairNormalized": f"{pair[:-3]}_{pair[-3:]}", "timestamp": at, "last": float(price), "high": 9.5,
        "low": 1, "bid": 2, "ask": 3, "open": 2, "volume": 7, "average": 2, "daily": 1, "dailyPercent": 1,
        "denominatorSymbol": pair[-3:], "numeratorSymbol": pair[:-3], "order": 1,
    }  # fmt: skip


def answer(*rows: dict[str, object]) -> bytes:
    return json.dumps({"data": rows, "success": True, "message": None, "code": 0}).encode()


async def test_nothing_is_joined_that_the_venue_does_not_list() -> None:
    """It would say ok, and stay silent for ever."""
    async with (
        FakeVenue([btc(1), hold]) as venue,
        listening(venue, ["BTC_TRY", "NOPE_TRY"], ("ticker", "trade", "book")) as listener,
    ):
        await eventually(lambda: listener.prices == [1])

    assert venue.requests == ["+ticker:BTCTRY", "+trade:BTCTRY", "+obdiff:BTCTRY"]
    assert set(listener.feed.directory.instruments) == {"BTC_TRY"}


async def test_a_list_that_cannot_be_had_does_not_keep_named_symbols_from_flowing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("spark_ingest_btcturk.exchangeinfo.PATIENCE_S", 0.2)
    async with FakeVenue([btc(1), btc(2), hold]) as venue:
        venue.answers[EXCHANGEINFO] = 503
        async with listening(venue) as listener:
            await eventually(lambda: listener.prices == [1, 2])
            assert listener.counted("directory_errors_total") > 0
            instrument = listener.feed.directory.instruments["BTC_TRY"]
            assert (instrument.venue_id, instrument.price_scale) == (None, None)

            venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "ETH_TRY")
            await eventually(lambda: listener.feed.directory.instruments["BTC_TRY"].price_scale == 0)

    assert listener.reconnects == 0


@pytest.mark.usefixtures("brisk")
async def test_a_listing_is_joined_and_a_delisting_left_on_the_open_connection() -> None:
    async with FakeVenue() as venue:
        venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "BTC_USDT")
        venue.play([btc(1), venue.asked_for("+ticker:ETHTRY"), eth(5), hold])
        async with listening(venue, ["*_TRY"], SPARK_BTCTURK_REFRESH="1") as listener:
            await eventually(lambda: listener.prices == [1])
            venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "ETH_TRY", "BTC_USDT")
            await eventually(lambda: listener.prices == [1, 5])
            assert listener.gaps == [], "a new pair has no past"

            venue.answers[EXCHANGEINFO] = exchangeinfo("ETH_TRY", "BTC_USDT")
            await eventually(lambda: venue.requests[-1] == "-ticker:BTCTRY")
            assert set(listener.feed.directory.instruments) == {"ETH_TRY"}
            await eventually(lambda: set(listener.feed.market.heard) == {"ticker:ETH_TRY"})

    assert venue.requests == ["+ticker:BTCTRY", "+ticker:ETHTRY", "-ticker:BTCTRY"]
    assert listener.reconnects == 0


@pytest.mark.usefixtures("brisk")
async def test_a_row_of_the_list_that_cannot_be_read_costs_nothing_that_is_carried() -> None:
    """It is counted with each answer, and logged once."""
    async with FakeVenue() as venue:
        venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "ETH_TRY")
        venue.play([btc(1), eth(5), hold])
        async with listening(venue, ["*_TRY"], SPARK_BTCTURK_REFRESH="1") as listener:
            await eventually(lambda: sorted(listener.prices) == [1, 5])
            answer = json.loads(exchangeinfo("BTC_TRY", "ETH_TRY", "XRP_TRY"))
            del answer["data"]["symbols"][0]["numerator"]
            venue.answers[EXCHANGEINFO] = json.dumps(answer).encode()
            with capture_logs() as logs:
                await eventually(lambda: "XRP_TRY" in listener.feed.directory.instruments)
                await eventually(lambda: listener.counted("malformed_total") >= 3)

            assert set(listener.feed.directory.instruments) == {"BTC_TRY", "ETH_TRY", "XRP_TRY"}

    assert [log["rows"] for log in logs if "rows of" in log["event"]] == [1]
    assert "-ticker:BTCTRY" not in venue.requests


@pytest.mark.usefixtures("brisk")
async def test_a_pair_that_the_feed_speaks_of_before_the_list_does_is_looked_for_at_once() -> None:
    """With a list read once an hour it would be missing for so long."""
    rows = [json.loads(frame)[1] for frame in (btc(1), eth(5))]
    everything = json.dumps([401, {"items": rows, "channel": "ticker", "event": "all", "type": 401}])
    async with FakeVenue() as venue:
        venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "XRP_TRY")
        venue.play([venue.asked_for("now"), everything, hold])
        async with listening(
            venue, ["*"], SPARK_BTCTURK_REFRESH="3600", SPARK_BTCTURK_PAIRS_PER_SOCKET="1"
        ) as listener:
            await eventually(lambda: venue.requests)
            venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "XRP_TRY", "ETH_TRY")
            venue.requests.append("now")
            await eventually(lambda: "ETH_TRY" in listener.feed.directory.instruments)

    assert venue.requests[0] == "+ticker:all"


@pytest.mark.usefixtures("brisk", "soon_polling")
async def test_tickers_come_over_rest_while_no_socket_can_be_had() -> None:
    """Disclosed at both ends: from the last of a socket to the first over REST, and from there to the socket."""
    async with FakeVenue() as venue:
        venue.answers[TICKERS] = answer(row("20"), row("30", "ETHTRY"))
        refused = [refuse(503)] * 60
        venue.play([btc(1), lambda ws: ws.close()], *refused, [btc(40), hold])
        async with listening(venue, SPARK_BTCTURK_CONNECTS_PER_MINUTE="15") as listener:
            await eventually(lambda: 20 in listener.prices)
            assert listener.feed.by_rest
            assert listener.feed.connected_since is not None
            polls = len([path for path in venue.asked if path == TICKERS])
            venue.answers[TICKERS] = answer(row("21", at=1_766_404_802_000))
            await eventually(lambda: listener.prices[-1] == 21)
            await eventually(lambda: len([path for path in venue.asked if path == TICKERS]) > polls + 3)

            venue.play([btc(40), hold])
            listener.feed._limiter._tries.clear()
            await eventually(lambda: listener.prices[-1] == 40)
            await eventually(lambda: not listener.feed.by_rest)

    assert listener.prices == [1, 20, 21, 40], "what a poll repeats is no tick"
    first, lost, polled, again, back, last = listener.published
    assert isinstance(first, Ticker)
    assert isinstance(polled, Ticker)
    assert isinstance(again, Ticker)
    assert isinstance(last, Ticker)
    assert (polled.venue_time, polled.bid_size, polled.mode) == (1_766_404_800_000, None, first.mode)
    assert listener.gaps == [lost, back]
    assert [(gap.symbol, gap.from_, gap.to, gap.cause) for gap in listener.gaps] == [
        ("BTC_TRY", first.received_at, polled.received_at, "closed"),
        ("BTC_TRY", polled.received_at, last.received_at, "polled"),
    ]


@pytest.mark.usefixtures("brisk", "soon_polling")
async def test_a_first_start_without_any_socket_tells_of_the_time_of_polling() -> None:
    """Joined as all: what came over REST were values of moments, whoever is asked."""
    everything = json.dumps(
        [401, {"items": [json.loads(btc(40))[1]], "channel": "ticker", "event": "all", "type": 401}]
    )
    async with FakeVenue() as venue:
        venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "ETH_TRY")
        venue.answers[TICKERS] = answer(row("20"))
        venue.play(*[refuse(503)] * 60)
        async with listening(venue, ["*"], SPARK_BTCTURK_PAIRS_PER_SOCKET="1") as listener:
            await eventually(lambda: listener.prices == [20])
            polls = len([path for path in venue.asked if path == TICKERS])
            await eventually(lambda: len([path for path in venue.asked if path == TICKERS]) > polls + 3)
            assert listener.gaps == []
            venue.play([everything, hold])
            await eventually(lambda: listener.prices == [20, 40])

    polled, gap, last = listener.published
    assert isinstance(polled, Ticker)
    assert isinstance(last, Ticker)
    assert listener.gaps == [gap]
    assert (listener.gaps[0].symbol, listener.gaps[0].from_, listener.gaps[0].to, listener.gaps[0].cause) == (
        None, polled.received_at, last.received_at, "polled",
    )  # fmt: skip


@pytest.mark.usefixtures("brisk", "soon_polling")
async def test_a_rest_that_repeats_itself_proves_no_life() -> None:
    """A frozen back end answers 200: its rows bear the time, and that stands still or, from another one, goes back."""
    later = 1_766_404_802_000
    async with FakeVenue() as venue:
        venue.answers[TICKERS] = answer(row("20", at=later), row("30", "ETHTRY", later))
        venue.play(*[refuse(503)] * 100)
        async with listening(venue, ["BTC_TRY", "ETH_TRY"]) as listener:
            await eventually(lambda: listener.prices == [20, 30])
            heard = dict(listener.feed.market.heard)
            venue.answers[TICKERS] = answer(row("19", at=later - 1), row("30", "ETHTRY", later))
            await eventually(lambda: listener.counted("poll_errors_total") > 3)
            assert listener.feed.market.heard == heard
            venue.answers[TICKERS] = answer(row("19", at=later - 1), row("31", "ETHTRY", later + 1))
            await eventually(lambda: 31 in listener.prices)
            assert listener.feed.market.heard["ticker:BTC_TRY"] == heard["ticker:BTC_TRY"]
            assert listener.feed.market.heard["ticker:ETH_TRY"] > heard["ticker:ETH_TRY"]

    assert listener.prices == [20, 30, 31]


@pytest.mark.usefixtures("brisk", "soon_polling")
async def test_the_venues_limit_on_requests_is_heeded_by_the_poll() -> None:
    """Told to wait by the venue: asked no more until then."""
    async with FakeVenue() as venue:
        venue.answers[TICKERS] = 429
        venue.retry_after_s = 1
        venue.play(*[refuse(403)] * 100)
        async with listening(venue) as listener:
            await eventually(lambda: listener.counted("poll_errors_total") == 2, 10)
            elapsed = time.monotonic()
            await eventually(lambda: listener.counted("poll_errors_total") == 3, 10)
            assert time.monotonic() - elapsed >= 0.9

    assert listener.published == []
    assert not listener.feed.by_rest


async def test_the_venues_limit_on_requests_is_heeded_by_who_reads_its_list() -> None:
    async with FakeVenue([btc(1), hold]) as venue:
        venue.answers[EXCHANGEINFO] = 429
        venue.retry_after_s = 1
        async with listening(venue) as listener:
            await eventually(lambda: listener.counted("directory_errors_total") == 1)
            refused = time.monotonic()
            await eventually(lambda: listener.counted("directory_errors_total") == 2)
            assert time.monotonic() - refused >= 0.9


@pytest.mark.usefixtures("brisk")
async def test_sockets_that_have_just_begun_are_not_replaced_by_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue's list came late: until then there was nothing to connect for."""
    monkeypatch.setattr("spark_ingest_btcturk.polling.AFTER_S", 2.0)
    async with FakeVenue() as venue:
        venue.answers[EXCHANGEINFO] = 503
        venue.answers[TICKERS] = answer(row("20"))
        venue.play([pause(1.2), btc(1), hold])
        async with listening(venue, ["*"]) as listener:
            await asyncio.sleep(2.2)  # longer than sockets may be silent
            venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY")
            await eventually(lambda: listener.prices == [1])

    assert TICKERS not in venue.asked
    assert listener.gaps == []


@pytest.mark.usefixtures("brisk")
async def test_two_sockets_share_the_limit_on_connections() -> None:
    """And each carries its own pairs, and is lost alone."""
    async with FakeVenue([btc(1), hold], [eth(2), hold]) as venue:
        venue.answers[EXCHANGEINFO] = exchangeinfo("BTC_TRY", "ETH_TRY", *(f"C{number}_TRY" for number in range(9)))
        async with listening(
            venue, ["BTC_TRY", "ETH_TRY"], SPARK_BTCTURK_PAIRS_PER_SOCKET="1", SPARK_BTCTURK_CONNECTS_PER_MINUTE="1"
        ) as listener:
            await eventually(lambda: listener.prices == [1])
            assert len(listener.feed.sockets.sessions) == 2
            assert venue.attempts == 1
            assert listener.feed.unproven() == ["ticker:ETH_TRY"]
            await eventually(lambda: listener.prices == [1, 2])

    assert venue.joins == [["BTCTRY"], ["ETHTRY"]]
    assert listener.gaps == []
