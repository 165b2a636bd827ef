"""What is answered at once, on real sockets: to the byte what the ordinary way answers, in order, within the limits."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from spark_bus.cursor import Cursor, EntryId
from spark_bus.reader import Entry, Snapshot
from spark_gateway.access import Access, Client, RateClass, client_of
from spark_gateway.buckets import Buckets
from spark_gateway.entrance import Entrance
from spark_gateway.identity import Identity
from spark_gateway.instant import Answer
from spark_gateway.room import Room
from spark_gateway.server import Server, listen
from spark_gateway.serving_metrics import ServingMetrics
from spark_market import wire
from support.eventually import eventually
from support.examples import VENUE, a_ticker
from support.served import served
from support.wire import answer_of, line

from .application import a_whole_application

TICKER = f"/api/market/{VENUE}/ticker"
PLAIN = f"GET {TICKER}?symbol=BTC_TRY HTTP/1.1\r\nhost: x\r\n\r\n".encode()
LAST = PLAIN.replace(b"host", b"connection: close\r\nhost")
TAG = '"e0.2000-5"'
ENDLESS = 10**9
NARROW = RateClass(requests_per_second=1, burst=1, streams=1, venues=("bist",))
_DATE = re.compile(rb"\r\ndate: [^\r]+")

PATHS = [TICKER] * 9 + [TICKER + "/", "/api/market/none/ticker", "http://x" + TICKER, "/livez"]
QUERIES = ["?symbol=BTC_TRY"] * 12 + [
    "", "?", "?symbol=", "?symbol=ETH_TRY", "?symbol=GONE_TRY", "?symbol=XXX_TRY", "?symbol=BTC%5FTRY",
    "?symbol=apiKey", "?symbol=BTC_TRY&apiKey=x", "?apiKey=x&symbol=BTC_TRY", "?symbol=BTC_TRY&", "?symbol=BTC_TRY#x",
    "?symbol=btc_try", "?symbol=BTC_TRY?", "??symbol=BTC_TRY", "?x=1&symbol=BTC_TRY",
]  # fmt: skip
HEADERS = [
    f"If-None-Match: {TAG}", f"if-none-match: W/{TAG}", "IF-NONE-MATCH: *", 'If-None-Match: "x"', "Cookie: a=b",
    "Origin: https://a.example", "Accept-Encoding: gzip", "Expect: 100-continue", "Expect: x", "Content-Length: 0",
    "Connection: keep-alive", "Range: bytes=0-5", "Upgrade: h2c", "X-API-Key: unknown", "Authorization: Bearer x",
]  # fmt: skip
METHODS = ["GET"] * 9 + ["HEAD", "POST", "OPTIONS", "DELETE"]


class Tokens:
    """Buckets with so many tokens; one in so many is only to be had by asking for it."""

    def __init__(self, count: int, asked_every: int) -> None:
        self.left = count
        self._asked_every = asked_every
        self.taken = 0

    def spend(self, _: Client) -> float | None:
        if self.left and self.taken % self._asked_every == self._asked_every - 1:
            return None
        return self._take()

    async def ask(self, _: Client) -> float:
        await asyncio.sleep(0)
        return self._take()

    def _take(self) -> float:
        if not self.left:
            return 5.0
        self.left -= 1
        self.taken += 1
        return 0.0


class Serving:
    """A server of this process, with or without what answers at once."""

    def __init__(
        self,
        *,
        at_once: bool,
        tokens: int = ENDLESS,
        asked_every: int = ENDLESS,
        having: Callable[[Entrance], Entrance] = lambda entered: entered,
    ) -> None:
        self.tokens = Tokens(tokens, asked_every)
        self.at_once = 0
        self.fails = False
        app, entered, self.hub = a_whole_application(lambda e: having(replace(e, buckets=cast("Buckets", self.tokens))))
        self._instant = entered.instant(self.hub.feeds) if at_once else None
        listening = listen("127.0.0.1", 0, "")
        self.port: int = listening.getsockname()[1]
        room = Room(100, ServingMetrics(CollectorRegistry()))
        self.server = Server(app, room, listening, instant=self._answer if at_once else None)

    def _answer(self, target: bytes, scope: Any) -> Answer | None:
        assert self._instant is not None
        if self.fails:
            raise ZeroDivisionError
        answer = self._instant(target, scope)
        self.at_once += answer is not None
        return answer

    async def answers(self, pieces: Iterable[bytes]) -> bytes:
        """Return all that is answered to what is sent in pieces and ends with a request to close."""
        async with line(self.port) as client:
            for piece in pieces:
                await client.send(piece)
                await asyncio.sleep(0)
            return _DATE.sub(b"", await client.all())

    async def answers_in_turn(self, requests: Iterable[bytes]) -> list[bytes]:
        """Return the answers to requests over one connection, each sent when the one before it is answered."""
        answers = []
        async with line(self.port) as client:
            for request in requests:
                await client.send(request)
                head = await client.until(b"\r\n\r\n")
                length = int(answer_of(head).headers.get("content-length", "0"))
                body = b"" if request.startswith(b"HEAD") else await client.take(length)
                answers.append(_DATE.sub(b"", head) + body)
        return answers


@asynccontextmanager
async def serving(**how: Any) -> AsyncIterator[Serving]:
    one = Serving(**how)
    async with served(one.server):
        yield one


@asynccontextmanager
async def both(**how: Any) -> AsyncIterator[tuple[Serving, Serving]]:
    """Yield a server that answers at once, and one that does not."""
    async with serving(at_once=True, **how) as quick, serving(at_once=False, **how) as ordinary:
        yield quick, ordinary


def a_request(draw: random.Random, *more: str) -> bytes:
    method, body = draw.choice(METHODS), b""
    headers = ["Host: x", *draw.sample(HEADERS, draw.choice([0, 0, 0, 1, 2])), *more]
    if draw.random() < 0.1 and "Content-Length: 0" not in headers:
        body = b"x" * draw.choice([1, 7, 3_000])
        headers.append(f"Content-Length: {len(body)}")
    head = f"{method} {draw.choice(PATHS)}{draw.choice(QUERIES)} HTTP/1.1\r\n" + "\r\n".join(headers)
    return head.encode() + b"\r\n\r\n" + body


def in_pieces(draw: random.Random, data: bytes) -> list[bytes]:
    most, pieces = draw.choice([20, 100, 500, 5_000]), []
    while data:
        size = draw.randint(1, most)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@pytest.mark.parametrize("seed", range(4))
async def test_both_ways_answer_the_same_to_the_byte(seed: int) -> None:
    """All kinds of requests in any order over kept connections, of which there are several at a time."""
    draw = random.Random(seed)
    async with both(asked_every=7) as (quick, ordinary):
        clients = [[draw.choice([PLAIN, a_request(draw)]) for _ in range(20)] for _ in range(10)]

        answered, expected = [
            await asyncio.gather(*[server.answers_in_turn(requests) for requests in clients])
            for server in (quick, ordinary)
        ]

        assert answered == expected
        assert 50 < quick.at_once < 150
        assert quick.tokens.taken == ordinary.tokens.taken


@pytest.mark.parametrize("seed", range(4))
async def test_requests_in_pieces_and_ahead_of_their_answers_are_answered_in_order(seed: int) -> None:
    draw = random.Random(seed)
    async with both(asked_every=7) as (quick, ordinary):
        for _ in range(25):
            requests = [draw.choice([PLAIN, a_request(draw)]) for _ in range(draw.randint(0, 12))]
            pieces = in_pieces(draw, b"".join([*requests, a_request(draw, "Connection: close")]))

            answered, expected = await asyncio.gather(quick.answers(pieces), ordinary.answers(pieces))

            assert answered == expected, pieces
        assert quick.at_once > 10
        assert quick.tokens.taken == ordinary.tokens.taken


@pytest.mark.parametrize("ahead", [1, 7])
async def test_the_limit_is_reached_at_the_same_request(ahead: int) -> None:
    """Though some tokens are to be waited for; and none is taken twice."""
    async with both(tokens=15, asked_every=3) as (quick, ordinary):
        for server in (quick, ordinary):
            turns = [PLAIN * ahead] * (28 // ahead) + [LAST]
            found = [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", await server.answers(turns))]

            assert found == [200] * 15 + [429] * 14
        assert quick.at_once


async def test_one_over_its_limit_is_answered_in_the_ordinary_way() -> None:
    async with both(tokens=2) as (quick, ordinary):
        answers = await quick.answers_in_turn([PLAIN] * 4)

        assert answers == await ordinary.answers_in_turn([PLAIN] * 4)
        assert [answer_of(answer).status for answer in answers] == [200, 200, 429, 429]
        assert quick.at_once == 2


async def test_what_it_says_is_the_newest() -> None:
    """Also after the venue is loaded anew, or has lost the symbol."""
    async with serving(at_once=True) as one:
        [feed] = one.hub.feeds.values()
        [first] = await one.answers_in_turn([PLAIN])
        assert first.endswith(feed.tickers["BTC_TRY"].data)

        feed.append([Entry(EntryId(2_000, 8), "ticker", "BTC_TRY", wire.encode(a_ticker(8)))])
        [second] = await one.answers_in_turn([PLAIN])
        assert b'etag: "e0.2000-8"' in second and second.endswith(wire.encode(a_ticker(8)))

        latest = {"ticker:BTC_TRY": (EntryId(1, 1), wire.encode(a_ticker(9)))}
        feed.restart(Snapshot(Cursor(VENUE, "e1", EntryId(1, 1)), latest, {"BTC_TRY": b"{}"}))
        [third] = await one.answers_in_turn([PLAIN])
        assert b'etag: "e1.1-1"' in third and third.endswith(wire.encode(a_ticker(9)))

        feed.learn({"ETH_TRY": b"{}"})
        [fourth] = await one.answers_in_turn([PLAIN])
        assert b"Unknown symbol" in fourth
        assert one.at_once == 3


@pytest.mark.parametrize(
    ("access", "status"),
    [(Access(None, {b"": client_of("key:a", NARROW)}), 401), (Access(NARROW, {}), 403)],
)
async def test_who_may_not_have_it_is_refused_in_the_ordinary_way(access: Access, status: int) -> None:
    async with serving(at_once=True, having=lambda entered: replace(entered, identity=Identity(access, NARROW))) as one:
        [answer] = await one.answers_in_turn([PLAIN])

        assert answer_of(answer).status == status
        assert one.at_once == 0


async def test_behind_trusted_proxies_nothing_is_answered_at_once() -> None:
    """Whom a request is counted for is only known when what they say has been read."""
    _, entered, hub = a_whole_application()

    assert entered.instant(hub.feeds) is not None
    assert replace(entered, proxies=("127.0.0.1",)).instant(hub.feeds) is None


async def test_its_own_failure_is_not_the_clients(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(at_once=True) as one:
        one.fails = True
        [answer] = await one.answers_in_turn([PLAIN])

    assert answer_of(answer).status == 200
    assert "could not answer at once" in caplog.text


async def test_a_connection_is_kept_and_let_go_as_ever() -> None:
    """It has no deadline between requests, may be idle as long as any other, and is counted."""
    async with serving(at_once=True) as one, line(one.port) as client:
        for count in (1, 2, 3):
            await client.send(PLAIN)
            await client.answer()
            [connection] = one.server._connections()
            timer = connection.timeout_keep_alive_task
            assert connection._due is None
            assert timer is not None and not timer.cancelled()
            assert one.server.server_state.total_requests == one.at_once == count
        connection.timeout_keep_alive_handler()
        assert await client.all() == b""


async def test_a_stop_closes_what_is_idle() -> None:
    async with serving(at_once=True) as one, line(one.port) as client:
        await client.send(PLAIN)
        await client.answer()
        one.server.stop()

        assert await client.all() == b""


async def test_what_is_broken_after_it_gets_its_own_answer() -> None:
    async with serving(at_once=True) as one, line(one.port) as client:
        await client.send(PLAIN)
        await client.answer()
        await client.send(b"nonsense\r\n\r\n")

        assert answer_of(await client.all()).problem["status"] == 400


async def test_one_who_does_not_take_its_answers_waits_as_ever() -> None:
    """What is kept for one connection has a limit."""
    async with serving(at_once=True) as one, line(one.port) as client:
        await client.send(PLAIN)
        await client.answer()
        [connection] = one.server._connections()
        connection.pause_writing()
        await client.send(PLAIN)
        await eventually(lambda: connection.cycle is not None, what="a request that waits")
        connection.resume_writing()

        assert (await client.answer()).status == 200
        assert one.at_once == 1


async def test_a_crowd_sent_ahead_is_not_answered_in_one_go() -> None:
    """The first is, the others wait in turn, and there may not be too many of them."""
    async with serving(at_once=True) as one:
        answered = await one.answers([PLAIN * 20 + LAST])
        assert answered.count(b"HTTP/1.1 200") == 21
        assert one.at_once == 1
