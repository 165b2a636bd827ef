"""The feed against a real WebSocket server: it comes back from everything, and says what may be missing."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from integration.ingest.listening import btc, eth, listening
from spark_bus.publisher import Claim
from spark_ingest.liveness import FRAMES_A_TURN
from spark_market.messages import Gap, Ticker
from support.certificate import self_signed
from support.eventually import eventually
from support.fake_venue import FakeVenue
from support.frames import recorded
from support.running import running
from support.scripted import Step, abort, close, hold, pause, refuse

SESSION = "spark_ingest_btcturk.session"
SUBSCRIPTIONS = "spark_ingest_btcturk.subscriptions"


async def test_data_flows_from_the_socket() -> None:
    async with (
        FakeVenue([recorded("welcome.json").decode(), btc(1), btc(1), btc(2)]) as venue,
        listening(venue) as listener,
    ):
        await eventually(lambda: listener.prices == [1, 2])
        assert listener.feed.connected_since is not None
        assert listener.feed.unproven() == []
        assert set(listener.feed.market.heard) == {"ticker:BTC_TRY"}

    assert listener.gaps == []


@pytest.mark.parametrize("end", [close, abort], ids=["closed", "cut"])
async def test_a_lost_connection_is_opened_and_joined_again_and_the_hole_disclosed(end: Step) -> None:
    """The gap comes before the first data of after the break, and spans exactly what was not watched."""
    async with (
        FakeVenue([btc(1), eth(5), end], [btc(2), eth(5)]) as venue,
        listening(venue, ["BTC_TRY", "ETH_TRY"]) as listener,
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
    assert listener.reconnects == 1


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
    claim = Claim(epoch="e", born=False, last={"ticker": published_ms}, heard={}, marks={})
    async with FakeVenue([btc(1)]) as venue, listening(venue, claim=claim) as listener:
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
    assert listener.counted("reconnects_total", cause="silent") == 1


async def test_a_pair_that_falls_silent_while_others_speak_is_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would tell of it: the connection is well, and the venue's acknowledgements mean nothing."""
    monkeypatch.setattr(f"{SUBSCRIPTIONS}.MUTE_AFTER_S", 0.3)
    monkeypatch.setattr(f"{SESSION}.TEND_S", 0.05)
    speaking: list[Step] = [btc(1), pause(0.05)] * 20
    async with (
        FakeVenue([eth(1), *speaking, eth(2), hold]) as venue,
        listening(venue, ["BTC_TRY", "ETH_TRY"]) as listener,
    ):
        await eventually(lambda: listener.prices[-1:] == [2])

    assert venue.leaves[0] == ["ETHTRY"]
    assert venue.joins[0][2:] == ["ETHTRY"]
    assert listener.counted("resyncs_total", channel="ticker", cause="mute") == 1
    [gap] = listener.gaps
    assert (gap.symbol, gap.cause) == ("ETH_TRY", "mute")
    assert gap.to - gap.from_ >= 300
    assert listener.reconnects == 0


async def test_what_joining_again_does_not_bring_back_takes_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{SUBSCRIPTIONS}.MUTE_AFTER_S", 0.3)
    monkeypatch.setattr(f"{SUBSCRIPTIONS}.PROOF_S", 0.1)
    monkeypatch.setattr(f"{SESSION}.TEND_S", 0.05)
    speaking: list[Step] = [eth(1), *[btc(1), pause(0.05)] * 60]
    async with (
        FakeVenue(speaking, [btc(2), eth(2), hold]) as venue,
        listening(venue, ["BTC_TRY", "ETH_TRY"]) as listener,
    ):
        await eventually(lambda: listener.prices[-2:] == [2, 2])

    assert listener.counted("reconnects_total", cause="unheard") == 1
    assert {(gap.symbol, gap.cause) for gap in listener.gaps} == {("ETH_TRY", "mute"), ("BTC_TRY", "unheard")}
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

    assert listener.counted("reconnects_total", cause="silent") == 1


async def test_repeats_count_as_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market in which nothing changes is not a dead one."""
    monkeypatch.setattr(f"{SESSION}.SILENT_AFTER_S", 0.3)
    repeats: list[Step] = [btc(1), pause(0.05)] * 14
    async with FakeVenue([*repeats, btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert listener.reconnects == 0


async def test_after_a_stall_of_our_own_what_waited_in_the_socket_is_discarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be stamped as received now, and nobody can tell how old it is."""
    monkeypatch.setattr("spark_ingest.liveness.STALLED_AFTER_S", 0.6)
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

    assert listener.counted("reconnects_total", cause=f"refused_{status}") == 2
    assert listener.gaps == []
    assert listener.waited == [0, 1]


async def test_a_venue_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    async with FakeVenue(refuse(429, retry_after_s=1), [btc(1)]) as venue, listening(venue) as listener:
        started = time.monotonic()
        await eventually(lambda: listener.prices == [1])

    assert time.monotonic() - started >= 1


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("302 Found", "Location: /elsewhere"),
        ("307 Temporary Redirect", "Location: ws://127.0.0.1:99999/"),
        ("308 Permanent Redirect", "Location: //[half"),
        ("301 Moved Permanently", "Location: /here\r\nLocation: /there"),
        ("429 Too Many Requests", "Retry-After: 0\r\nRetry-After: soon"),
    ],
)
async def test_an_answer_that_is_no_upgrade_is_a_refusal_and_one_connection(status: str, headers: str) -> None:
    """A redirect followed would be one more connection than the venue's limit knows of, ten times over."""
    connections = 0

    async def refused(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refused, "127.0.0.1", 0)
    async with server, FakeVenue() as venue:
        rest_url, port = venue.rest_url, server.sockets[0].getsockname()[1]
        venue.url = f"ws://127.0.0.1:{port}/"
        async with listening(venue, SPARK_BTCTURK_REST_URL=rest_url, SPARK_BTCTURK_CONNECTS_PER_MINUTE="3") as listener:
            await eventually(lambda: listener.reconnects == 3)

    assert listener.counted("reconnects_total", cause=f"refused_{status[:3]}") == 3
    assert connections == 3


async def test_malformed_frames_cost_only_themselves() -> None:
    """The connection, and everything else on it, goes on."""
    rubbish: list[Step] = [
        "", "{", "[402]", "[402,{}]", b"\xff\xfe\x00", "[" * 50_000, btc(1).replace('"1"', '"NaN"'),
        btc(1).replace('"1"', "-1"),
    ]  # fmt: skip
    async with FakeVenue([btc(1), *rubbish, btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert listener.feed.malformed == len(rubbish)
    assert listener.reconnects == 0
    assert listener.gaps == []


async def test_a_frame_beyond_all_size_costs_the_connection_not_the_process() -> None:
    async with FakeVenue([btc(1), "x" * (5 * 2**20)], [btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert len(listener.gaps) == 1


async def test_a_venue_that_is_not_there_is_tried_until_it_is() -> None:
    async with FakeVenue([btc(1)]) as gone:
        pass
    async with FakeVenue() as venue:
        venue.url, rest_url = gone.url, venue.rest_url
        async with listening(venue, SPARK_BTCTURK_REST_URL=rest_url) as listener:
            await eventually(lambda: listener.reconnects >= 3)
            assert not listener.feed.connected_since

    assert listener.counted("reconnects_total", cause="network") >= 3


@asynccontextmanager
async def answering(venue: FakeVenue, answer: bytes) -> AsyncIterator[list[str]]:
    """Answer whoever connects with these bytes, in the place of the venue's sockets; yields what was asked."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0].decode())
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    venue.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield asked
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "refused_302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "refused_200"),
        (b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "closed"),
        (b"not HTTP\r\n\r\n", "closed"),
        (b"", "closed"),
    ],
    ids=["redirect", "page", "wrong key", "rubbish", "nothing"],
)
async def test_a_try_is_one_connection_whatever_the_answer(answer: bytes, cause: str) -> None:
    """The limiter knows of no other: what follows a redirect, or asks once more, would go past it."""
    async with FakeVenue() as venue:
        rest_url = venue.rest_url
        async with answering(venue, answer) as asked:
            async with listening(venue, SPARK_BTCTURK_REST_URL=rest_url) as listener:
                await eventually(lambda: listener.reconnects >= 3)
            tries = len(asked)

    assert set(asked) == {"GET / HTTP/1.1"}
    assert listener.counted("reconnects_total", cause=cause) == listener.reconnects
    assert tries in (listener.reconnects, listener.reconnects + 1)  # the last one may have been cancelled


async def test_an_encrypted_venue_is_reached_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with FakeVenue() as venue:
        rest_url = venue.rest_url
        async with answering(venue, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as asked:
            monkeypatch.setenv("HTTPS_PROXY", venue.url.replace("ws://", "http://"))
            venue.url = "wss://venue.invalid/"
            async with listening(venue, SPARK_BTCTURK_REST_URL=rest_url) as listener:
                await eventually(lambda: listener.reconnects)

    assert set(asked) == {"CONNECT venue.invalid:443 HTTP/1.1"}
    assert listener.counted("reconnects_total", cause="closed") == listener.reconnects, "it is not the venue's refusal"


async def test_a_certificate_that_nobody_vouches_for_is_not_taken(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(self_signed(tmp_path))
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with FakeVenue() as venue:
        rest_url = venue.rest_url
        venue.url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with listening(venue, SPARK_BTCTURK_REST_URL=rest_url) as listener:
            await eventually(lambda: listener.reconnects >= 2)
    server.close()

    assert asked == []
    assert listener.counted("reconnects_total", cause="network") == listener.reconnects


async def test_pings_are_answered() -> None:
    answered = asyncio.Event()

    async def ping(ws: ServerConnection) -> None:
        await (await ws.ping("are you there"))
        answered.set()

    async with FakeVenue([btc(1), ping, btc(2)]) as venue, listening(venue) as listener:
        await eventually(lambda: listener.prices == [1, 2])

    assert answered.is_set()


async def test_under_a_flood_everybody_has_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading what waits does not pause by itself: what was told would not go out, nor pairs be looked after."""
    monkeypatch.setattr(f"{SUBSCRIPTIONS}.MUTE_AFTER_S", 0.3)
    monkeypatch.setattr(f"{SESSION}.TEND_S", 0.05)
    prices = count(10)

    async def flood(ws: ServerConnection) -> None:
        while not venue.leaves[0]:
            for _ in range(1000):
                await ws.send(btc(next(prices)))
            await asyncio.sleep(0)

    turns: list[int] = []

    async def take_turns() -> None:
        had = 0
        while True:
            told = [message for message in listener.published[had:] if isinstance(message, Ticker)]
            had = len(listener.published)
            turns.append(len(told))
            await asyncio.sleep(0)

    async with (
        FakeVenue([eth(1), flood, eth(2), hold]) as venue,
        listening(venue, ["BTC_TRY", "ETH_TRY"]) as listener,
        running(take_turns()),
    ):
        await eventually(lambda: venue.leaves and venue.leaves[0])
        await eventually(lambda: listener.prices[-1:] == [2])

    assert venue.leaves[0] == ["ETHTRY"], "it was looked after while the others spoke"
    assert max(turns) == FRAMES_A_TURN
    assert len(listener.prices) == next(prices) - 10 + 2, "each frame was told"
    assert listener.reconnects == 0


async def test_a_cancelled_session_says_goodbye_and_ends_at_once() -> None:
    codes: list[int | None] = []

    async def be_told(ws: ServerConnection) -> None:
        await ws.wait_closed()
        codes.append(ws.close_code)

    async with FakeVenue([btc(1), be_told]) as venue:
        async with listening(venue) as listener:
            await eventually(lambda: listener.prices)
            ended = time.monotonic()
        assert time.monotonic() - ended < 1.5
        await eventually(lambda: codes == [1000])


async def test_a_cancelled_session_does_not_wait_for_a_venue_that_does_not_answer() -> None:
    async def deaf(ws: ServerConnection) -> None:
        ws.transport.pause_reading()
        await ws.wait_closed()

    async with FakeVenue([btc(1), deaf]) as venue:
        async with listening(venue) as listener:
            await eventually(lambda: listener.prices)
            ended = time.monotonic()
        assert time.monotonic() - ended < 1.5
