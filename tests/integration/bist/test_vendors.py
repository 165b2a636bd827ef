"""The example files, from the simulated vendors through the whole ingest onto a real Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from redis.asyncio import Redis

from integration.bist.ingesting import gaps, state, tickers
from spark_bus.connection import connect_alone
from spark_ingest.terms import Terms
from spark_ingest_bist.choice import CannotList, choose, enumerate_once
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.quotes import VENUE
from spark_ingest_bist.settings import IngestSettings
from spark_ingest_bist.symbollist import ALL
from spark_ingest_bist.times import Times
from spark_market.sessions import bist
from spark_service.lifecycle import CannotStart, run_together
from spark_service.redis_url import address
from spark_service.settings import load
from spark_simulator import server
from spark_simulator.server import Simulator
from spark_simulator.settings import Settings as SimulatorSettings
from support.eventually import eventually
from support.running import running
from support.vendors import FOLDER, KEY, NAMES, SEVERAL

SYMBOLS = "THYAO,GARAN,XU100"
MALFORMED = "spark_ingest_malformed_total"
POLLED = {"ideal", "collectapi", "bigpara", "oneendeks"}
KEYED = {"ideal", "collectapi", "laplace", "algolab"}


def clock() -> str:
    """Return a market's time in a session, twenty times as fast as the wall's from now on, as a setting."""
    return f"2026-04-27T11:00+03:00@{datetime.now(UTC).isoformat()}*20"


@asynccontextmanager
async def simulated(time: str) -> AsyncIterator[Simulator]:
    settings = load(SimulatorSettings, {"SPARK_SIMULATOR_PORT": "0", "SPARK_BIST_CLOCK": time})
    async with server.running(settings) as simulator:
        yield simulator


def settings_for(
    address: str, name: str, time: str = "", redis_url: str = "redis://127.0.0.1:1/0", **more: str
) -> IngestSettings:
    """Return what a user would set, but for the address, and the clock that the simulator lives by."""
    given = {
        "SPARK_REDIS_URL": redis_url, "SPARK_VENUES": "bist", "SPARK_BIST_SOURCE": "vendor",
        "SPARK_BIST_VENDOR": str(FOLDER / f"{name}.yaml"), "SPARK_BIST_SECRET": SEVERAL if name == "algolab" else KEY,
        "SPARK_BIST_SYMBOLS": SYMBOLS, "SPARK_BIST_CLOCK": time,
        "SPARK_BIST_URL": f"{address}/bist/{name}", **more,
    }  # fmt: skip
    return load(IngestSettings, given)


class Ingest:
    def __init__(self, settings: IngestSettings, redis_url: str) -> None:
        self.registry = CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        source = choose(settings)
        self.feed = Feed(
            source, dict.fromkeys(settings.symbols), bist(settings.calendar), metrics, Times(settings.clock)
        )  # fmt: skip
        self.redis = connect_alone(redis_url)
        self.terms = Terms(VENUE, source.mode, self.feed, metrics, self.redis, address(SecretStr(redis_url)))

    async def run(self) -> None:
        await run_together([self.feed.run(), self.feed.tend(), self.terms.run()])

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"spark_ingest_{name}", {"venue": VENUE, **labels}) or 0.0


@asynccontextmanager
async def ingesting(settings: IngestSettings, redis_url: str) -> AsyncIterator[Ingest]:
    ingest = Ingest(settings, redis_url)
    try:
        async with running(ingest.run()):
            yield ingest
    finally:
        await ingest.redis.aclose()


@pytest.mark.parametrize("name", NAMES)
async def test_an_example_brings_prices_onto_the_bus(redis: Redis, redis_url: str, name: str) -> None:
    """Only the address differs from what a user has."""
    symbols = "THYAO,GARAN" if name == "collectapi" else SYMBOLS  # it has no indices
    async with simulated(time := clock()) as simulator:
        settings = settings_for(simulator.http_url, name, time, redis_url, SPARK_BIST_SYMBOLS=symbols)
        async with ingesting(settings, redis_url) as ingest:

            async def every() -> list[Any] | None:
                told = await tickers(redis)
                return told if {one.symbol for one in told} == set(symbols.split(",")) else None

            told = await eventually(every, what="a ticker of each")

            async def connected() -> Any:
                now = await state(redis)
                return now if now is not None and now.connected else None

            found = await eventually(connected)

    assert {one.mode for one in told} == {"mock"}  # SPARK_REAL_DATA is 0
    assert (found.source, found.delay_ms) == ("poll" if name in POLLED else "websocket", 900_000)
    thyao = next(one for one in told if one.symbol == "THYAO")
    assert Decimal(250) < thyao.price < Decimal(400)
    assert (thyao.venue_time is None) == (name == "collectapi")
    if name not in {"collectapi", "laplace"}:
        assert thyao.bid <= thyao.ask
    assert ingest.counted("malformed_total", error="crossed") == 0


@pytest.mark.parametrize("name", sorted(KEYED))
async def test_a_wrong_key_is_forbidden_and_said_to_be(
    redis_url: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = SEVERAL.replace(KEY, "wrong-key-wrong") if name == "algolab" else "wrong-key-wrong"
    async with simulated(time := clock()) as simulator:
        settings = settings_for(simulator.http_url, name, time, redis_url, SPARK_BIST_SECRET=secret)
        async with ingesting(settings, redis_url) as ingest:
            await eventually(lambda: ingest.counted("requests_total", outcome="forbidden"))
            assert ingest.counted("forbidden") == 1
            assert ingest.feed.session.connected_since is None

    told = capsys.readouterr()
    assert "SPARK_BIST_SECRET" in told.out + told.err
    assert "wrong-key-wrong" not in told.out + told.err


@pytest.mark.parametrize(("name", "most"), [("collectapi", 600), ("bigpara", 600), ("algolab", 700)])
async def test_all_symbols_are_had_where_the_vendor_tells_them(
    monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr("spark_ingest_bist.overheard._NO_MORE_AFTER_S", 1.0)
    async with simulated(time := clock()) as simulator:
        source = choose(settings_for(simulator.http_url, name, time, SPARK_BIST_SYMBOLS=ALL))
        assert source.enumeration is not None

        found = await enumerate_once(source.enumeration)

    assert 500 < len(found) <= most
    assert "THYAO" in found


async def test_a_vendor_that_does_not_tell_its_symbols_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated(time := clock()) as simulator:
        settings = settings_for(
            simulator.http_url, "algolab", time, SPARK_BIST_SYMBOLS=ALL, SPARK_BIST_SECRET=SEVERAL.replace(KEY, "wrong")
        )
        enumeration = choose(settings).enumeration
        assert enumeration is not None
        with pytest.raises(CannotList, match="401"):
            await enumerate_once(enumeration)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"SPARK_BIST_VENDOR": ""}, "SPARK_BIST_VENDOR"),
        ({"SPARK_BIST_VENDOR": "gone.yaml"}, r"gone\.yaml: cannot be read"),
        ({"SPARK_BIST_SECRET": ""}, r"\{secret\} is needed; set SPARK_BIST_SECRET or SPARK_BIST_SECRET_FILE"),
        ({"SPARK_BIST_VENDOR": str(FOLDER / "laplace.yaml"), "SPARK_BIST_SECRET": "\u201csimulated-key\u201d"},
         r"^SPARK_BIST_SECRET cannot be used: \{secret\} goes into a header, which takes plain letters"),
        ({"SPARK_BIST_SYMBOLS": "*"}, r"SPARK_BIST_SYMBOLS=\* cannot be used"),
        ({"SPARK_BIST_URL": ""}, "SPARK_BIST_URL"),
    ],
)  # fmt: skip
def test_what_cannot_start_says_what_to_do(more: dict[str, str], what: str) -> None:
    with pytest.raises(CannotStart, match=what):
        choose(settings_for("http://127.0.0.1:1", "ideal", **more))


async def test_a_lost_socket_is_a_gap_and_then_goes_on(redis: Redis, redis_url: str) -> None:
    async with simulated(time := clock()) as simulator, httpx.AsyncClient(base_url=simulator.http_url) as http:
        settings = settings_for(simulator.http_url, "laplace", time, redis_url)
        async with ingesting(settings, redis_url) as ingest:
            before = len(await eventually(lambda: tickers(redis)))
            assert await gaps(redis) == []

            await http.post("/control/bist/faults", json={"fault": "malformed", "source": "laplace"})
            await eventually(lambda: ingest.registry.get_sample_value(MALFORMED, {"venue": VENUE, "error": "not_json"}))
            assert await gaps(redis) == []  # it cost that frame

            await http.post("/control/bist/faults", json={"fault": "cut", "source": "laplace"})
            [gap] = await eventually(lambda: gaps(redis))
            await eventually(lambda: more_than(redis, before))

    assert (gap.channel, gap.symbol, gap.cause) == ("ticker", None, "closed")


async def more_than(redis: Redis, count: int) -> bool:
    return len(await tickers(redis)) > count


async def test_polls_stand_in_for_a_socket_that_brings_nothing(
    redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are described: the socket is refused at first, and prices come all the same; then it is well again."""
    monkeypatch.setattr("spark_ingest_bist.both.FALL_BACK_AFTER_S", 0.5)
    file = tmp_path / "both.yaml"
    file.write_text(
        """
vendor: Both
licence: for tests
delay: 0
poll:
  url: https://v.example/bist/oneendeks
  query: {endeks: "{symbols}"}
  interval: 1
  fields: {symbol: symbol, price: last}
  time: {field: updateDate}
ws:
  url: wss://v.example/bist/laplace/ws
  headers: {authorization: "Bearer {secret}"}
  subscribe:
    - {type: subscribe, feed: live_price_tr, symbols: "{symbols}"}
    - {type: subscribe, feed: depth_tr, symbols: "{symbols}"}
  type: t
  messages:
    pr: {rows: d, fields: {symbol: s, price: p, changePct: ch}, time: {field: d, format: milliseconds}}
    ob: {rows: d, fields: {symbol: s, bid: bid, ask: ask}, time: {field: d, format: milliseconds}}
""",
        encoding="utf-8",
    )
    async with simulated(time := clock()) as simulator, httpx.AsyncClient(base_url=simulator.http_url) as http:
        await http.post("/control/bist/faults", json={"fault": "refuse", "source": "laplace", "status": 503})
        settings = settings_for(
            simulator.http_url, "x", time, redis_url, SPARK_BIST_VENDOR=str(file), SPARK_BIST_URL=simulator.http_url,
        )  # fmt: skip
        async with ingesting(settings, redis_url) as ingest:

            async def polled() -> bool:
                now = await state(redis)
                return now is not None and now.connected and now.source == "poll" and bool(await tickers(redis))

            await eventually(polled, what="prices by polls")
            tries = ingest.counted("requests_total", outcome="unavailable") + 2
            await eventually(
                lambda: ingest.counted("requests_total", outcome="unavailable") >= tries, 30, "vain tries of the socket"
            )
            before = len(await tickers(redis))
            await eventually(lambda: more_than(redis, before))
            assert await gaps(redis) == [], "the source is asked all the while"
            await http.delete("/control/bist/faults")

            async def pushed() -> bool:
                now = await state(redis)
                if now is None or not now.connected or now.source != "websocket":
                    return False
                return any(one.bid is not None and one.change_pct is not None for one in await tickers(redis))

            await eventually(pushed, timeout_s=30, what="prices by the socket, best quotes included")
            assert (await state(redis)).poll_interval_ms == 0  # type: ignore[union-attr]
