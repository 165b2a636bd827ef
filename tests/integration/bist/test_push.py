"""One WebSocket of a source against a real server: what it survives, and when it is not there at all."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest
from websockets.asyncio.server import ServerConnection

from integration.bist.stream import FakeStream
from spark_ingest_bist import push
from spark_ingest_bist.push import PushSession, Waits
from spark_ingest_bist.quotes import Answer, MalformedAnswer, Refused
from spark_ingest_bist.vendorpush import VendorPushProtocol
from support.eventually import eventually
from support.running import running
from support.scripted import Step, abort, close, refuse
from support.vendors import described

FILE = """
ws:
  url: "wss://v.example/ws"
  headers: {key: "{secret}"}
  subscribe: {sub: "{symbols}", key: "{secret}"}
  heartbeat: {send: beat, every: 0.05}
  type: t
  messages:
    p: {fields: {symbol: s, price: p}, time: receive}
    h: ignore
errors: {code: e, text: m, names: {AUTH: forbidden, SYM: unknown}}
"""


class Hours:
    """Session hours that a test opens and closes."""

    def __init__(self) -> None:
        self.is_open = True
        self.is_expected = True

    def open(self) -> bool:
        return self.is_open

    def expected(self) -> bool:
        return self.is_expected

    async def opened(self) -> None:
        while not self.is_open:  # noqa: ASYNC110, it is a plain attribute
            await asyncio.sleep(0.01)


class Notes:
    """Remembers what a session tells."""

    def __init__(self) -> None:
        self.prices: list[str] = []
        self.errors: list[str] = []
        self.refusals: list[str] = []
        self.causes: list[str] = []
        self.connections = 0
        self.ignored = 0

    def take(self, answer: Answer, received_at: int) -> None:
        assert received_at > 1_700_000_000_000
        self.prices += [str(quote.price) for quote in answer.quotes]
        self.ignored += answer.ignored

    def malformed(self, exc: MalformedAnswer) -> None:
        self.errors.append(exc.error)

    def refused(self, exc: Refused) -> None:
        self.refusals.append(exc.error)

    def connected(self) -> None:
        self.connections += 1

    def lost(self, cause: str) -> None:
        self.causes.append(cause)


class Scene:
    """A session between a server and notes."""

    def __init__(self, stream: FakeStream, idle_s: float = 30.0, waits: Waits | None = None) -> None:
        vendor, keys = described(FILE)
        base = stream.url.replace("ws://", "http://")
        self.hours = Hours()
        self.notes = Notes()
        self.waits: list[str] = []
        self.session = PushSession(
            VendorPushProtocol(vendor, keys, base).endpoint(),
            lambda: VendorPushProtocol(vendor, keys, base),
            lambda: ("THYAO", "GARAN"),
            listener=self.notes,
            hours=self.hours,
            idle_s=idle_s,
            waits=waits or Waits(self._noting("lost"), self._noting("limited"), self._noting("forbidden")),
        )

    def _noting(self, name: str) -> Callable[[], Iterator[float]]:
        def waits() -> Iterator[float]:
            for _ in itertools.count():
                self.waits.append(name)
                yield 0.01

        return waits

    def running(self) -> AbstractAsyncContextManager[object]:
        return running(self.session.run())


def price(value: str) -> str:
    return f'{{"t":"p","s":"THYAO","p":{value}}}'


async def test_it_asks_reads_and_keeps_the_connection_alive() -> None:
    async with FakeStream([price("100"), '{"t":"h"}', price("100.50").encode()]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: len(stream.asked[0]) > 2 if stream.asked else False, what="two heartbeats")

    assert scene.notes.prices == ["100", "100.5"]
    assert scene.notes.ignored == 1
    assert stream.asked[0][:3] == ['{"sub":["THYAO","GARAN"],"key":"simulated-key"}', "beat", "beat"]
    assert stream.headers[0]["key"] == "simulated-key"


@pytest.mark.parametrize("end", [close, abort])
async def test_a_lost_connection_is_made_anew_and_asked_again(end: Step) -> None:
    async with FakeStream([price("100"), end], [price("101")]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: scene.notes.prices == ["100", "101"])

    assert stream.asked[0][0] == stream.asked[1][0]
    assert scene.notes.causes == ["closed"]


async def test_a_malformed_frame_costs_that_frame() -> None:
    async with FakeStream([price("100"), "pong", b"\xff\xfe", "<html>", '{"x":1}', price("101")]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: scene.notes.prices == ["100", "101"])

    assert scene.notes.errors == ["not_json", "not_json", "html", "shape"]
    assert stream.attempts == 1


async def test_a_frame_too_large_costs_the_connection() -> None:
    huge = '{"t":"p","x":"' + "x" * push.LARGEST_FRAME + '"}'
    async with FakeStream([price("100"), huge], [price("101")]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: scene.notes.prices == ["100", "101"])

    assert scene.notes.causes == ["closed"]


async def test_silence_ends_a_connection() -> None:
    async with FakeStream([price("100")], [price("101")]) as stream:
        scene = Scene(stream, idle_s=0.3)
        async with scene.running():
            await eventually(lambda: "101" in scene.notes.prices)

    assert scene.notes.causes[0] == "silent"


async def test_silence_is_borne_while_nothing_can_come() -> None:
    """Before a delayed source's first data, and in a halt, nobody has anything to say."""
    async with FakeStream([price("100")], [price("101")]) as stream:
        scene = Scene(stream, idle_s=0.1)
        scene.hours.is_expected = False
        async with scene.running():
            await eventually(lambda: len(stream.asked[0]) > 10 if stream.asked else False, what="ten heartbeats")
            assert scene.notes.causes == []
            scene.hours.is_expected = True
            await eventually(lambda: scene.notes.causes[:1] == ["silent"])


async def test_frames_without_data_do_not_prove_a_subscription(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_ingest_bist.push._QUIET_TIMES", 1)

    async def chatter(ws: ServerConnection) -> None:
        while True:
            await ws.send('{"t":"h"}')
            await asyncio.sleep(0.05)

    async with FakeStream([chatter], [price("101")]) as stream:
        scene = Scene(stream, idle_s=0.5)
        async with scene.running():
            await eventually(lambda: "101" in scene.notes.prices)

    assert scene.notes.causes[0] == "silent"


@pytest.mark.parametrize(
    ("status", "error", "wait"),
    [(401, "forbidden", "forbidden"), (403, "forbidden", "forbidden"), (429, "limited", "limited"),
     (503, "unavailable", "lost"), (302, "rejected", "lost")],
)  # fmt: skip
async def test_a_refused_connection_waits_as_long_as_it_should(status: int, error: str, wait: str) -> None:
    """A key that may not is not tried again soon: who does is locked out for good."""
    async with FakeStream(refuse(status), [price("100")]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: scene.notes.prices == ["100"])

    assert (scene.notes.refusals, scene.notes.causes, scene.waits) == ([error], [f"refused_{status}"], [wait])


async def test_a_refusal_may_say_for_how_long() -> None:
    async with FakeStream(refuse(429, retry_after_s=60), [price("100")]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: scene.notes.causes == ["refused_429"])
            await asyncio.sleep(0.2)  # twenty times as long as it would wait of its own accord
            assert stream.attempts == 1


async def test_a_refusal_in_a_frame_ends_the_connection_if_it_is_of_the_key() -> None:
    async with FakeStream([price("100"), '{"e":"SYM"}', price("101"), '{"e":"AUTH"}'], [price("102")]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: scene.notes.prices == ["100", "101", "102"])

    assert scene.notes.refusals == ["unknown", "forbidden"]
    assert (scene.notes.causes, scene.waits) == (["forbidden"], ["forbidden"])


async def test_outside_of_session_hours_there_is_no_connection() -> None:
    async with FakeStream([price("100")]) as stream:
        scene = Scene(stream)
        scene.hours.is_open = False
        async with scene.running():
            await asyncio.sleep(0.2)
            assert stream.attempts == 0
            scene.hours.is_open = True
            await eventually(lambda: scene.notes.prices == ["100"])
            assert scene.session.connected_since is not None
            scene.hours.is_open = False
            await eventually(lambda: stream.open == 0, what="the connection's end")
            await eventually(lambda: scene.session.connected_since is None)
            scene.hours.is_open = True
            await eventually(lambda: scene.notes.prices == ["100", "100"])

    assert scene.notes.causes == []  # an end in good order is no loss


async def test_nobody_listens_and_it_goes_on_trying() -> None:
    async with FakeStream([price("100")]) as stream:
        scene = Scene(stream)
    async with scene.running():
        await eventually(lambda: len(scene.notes.causes) > 3)

    assert set(scene.notes.causes) == {"network"}


async def test_no_log_line_holds_the_secret(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeStream(refuse(401), [price("100"), "simulated-key", abort], [price("101")]) as stream:
        scene = Scene(stream)
        async with scene.running():
            await eventually(lambda: scene.notes.prices == ["100", "101"])

    told = capsys.readouterr()
    assert "lost the source" in told.out + told.err
    assert "simulated-key" not in told.out + told.err
