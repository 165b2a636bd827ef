"""A newcomer's view: the whole platform is started, and everything that the documentation promises is tried once."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from support.eventually import eventually
from support.redis_server import free_port
from support.required import skip_or_fail
from support.running import running
from support.sse import EventSource
from support.stack import SERVICES, Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYMBOLS = ["BTC_TRY", "ETH_TRY", "XRP_TRY", "USDT_TRY"]
HISTORICAL = {"venue_staleness_btcturk_sec", "venue_staleness_bist_sec"}
"""Names that people already scrape: they may break the rules for names, and no others."""
PORTS = {
    "simulator": "SPARK_SIMULATOR_PORT",
    "ingest_btcturk": "SPARK_BTCTURK_METRICS_PORT",
    "ingest_bist": "SPARK_BIST_METRICS_PORT",
    "monitor": "SPARK_MONITOR_PORT",
    "gateway": "SPARK_GATEWAY_PORT",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """One platform for all who only look."""
    async with Stack() as stack:
        for symbol in SYMBOLS:
            await stack.ready(symbol)
        await eventually(lambda: _is(stack, "MOCK"), 20, "status MOCK")
        yield stack


async def _is(stack: Stack, status: str) -> bool:
    return await stack.status() == status


async def fetch(stack: Stack, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(timeout=5) as client:
        return await client.request(method, path if "://" in path else stack.gateway_url + path)


async def test_curl_shows_tickers(stack: Stack) -> None:
    """The first thing that anyone tries: one command, and prices run down the screen."""
    curl = shutil.which("curl") or skip_or_fail("no curl")
    process = await asyncio.create_subprocess_exec(
        curl, "-sN", "--max-time", "4", f"{stack.gateway_url}/api/market/btcturk/stream?symbol=BTC_TRY",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    lines = printed.decode().splitlines()
    shown = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    tickers = [message["data"] for message in shown if message["type"] == "ticker"]

    assert len(tickers) > 1, "only the snapshot"
    assert {ticker["symbol"] for ticker in tickers} == {"BTC_TRY"}
    assert {ticker["mode"] for ticker in tickers} == {"mock"}
    assert [message["type"] for message in shown[:3]] == ["status", "ticker", "health"]
    assert any(re.fullmatch(r"id: btcturk\.[0-9a-f]+\.\d+-\d+", line) for line in lines)


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_rest_has_the_ticker_of_each_default_symbol(stack: Stack, symbol: str) -> None:
    """The same message as in the stream, as JSON whose numbers are exact, for any site's page."""
    answer = await fetch(stack, f"/api/market/btcturk/ticker?symbol={symbol}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "max-age" not in answer.headers.get("cache-control", ""), "a price must not be kept"
    message = answer.json()
    assert message["type"] == "ticker"
    assert message["data"]["symbol"] == symbol
    assert message["data"]["venueTime"] is None
    assert not re.search(r"[0-9]e[+-]?[0-9]", answer.text, re.IGNORECASE)


async def test_snapshot_and_symbols_list_the_default_symbols(stack: Stack) -> None:
    snapshot = (await fetch(stack, "/api/market/btcturk/snapshot")).json()
    symbols = (await fetch(stack, "/api/market/btcturk/symbols")).json()

    assert snapshot["venue"] == "btcturk"
    assert re.fullmatch(r"btcturk\.[0-9a-f]+\.\d+-\d+", snapshot["cursor"])
    assert sorted(message["data"]["symbol"] for message in snapshot["messages"]) == sorted(SYMBOLS)
    assert sorted(item["symbol"] for item in symbols["instruments"]) == sorted(SYMBOLS)


async def test_healthz_says_mock(stack: Stack) -> None:
    """Simulated data must never pass for real."""
    health = (await fetch(stack, "/api/healthz")).json()

    assert health["venues"]["btcturk"]["status"] == "MOCK"
    assert health["venues"]["btcturk"]["mode"] == "mock"
    assert health["venues"]["btcturk"]["stalenessSec"] < 5
    assert health["thresholds"] == {"venueStalenessTarget": 30}


async def test_venue_metrics_are_there_for_those_who_scrape_the_gateway(stack: Stack) -> None:
    """In the names that people already use, in both formats; a venue that never spoke is +Inf, in JSON null."""
    text = (await fetch(stack, "/api/tools/metrics?format=prometheus")).text
    as_json = (await fetch(stack, "/api/tools/metrics?format=json")).json()

    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert 0 <= float(values["venue_staleness_btcturk_sec"]) < 5
    assert values["venue_staleness_bist_sec"] == "+Inf"
    assert values['spark_venue_status{status="MOCK",venue="btcturk"}'] == "1.0"
    assert 0 <= as_json["venue_staleness_btcturk_sec"] < 5
    assert as_json["venue_staleness_bist_sec"] is None


async def test_every_service_says_that_it_lives_and_is_ready(stack: Stack) -> None:
    """For Kubernetes and the like; a simulator has no bus to be ready for."""
    for port in (stack.gateway_port, stack.monitor_port, stack.ingest_metrics_port):
        for path in ("livez", "readyz"):
            assert (await fetch(stack, f"http://127.0.0.1:{port}/{path}")).status_code == 200
    assert (await fetch(stack, f"http://127.0.0.1:{stack.simulator_port}/livez")).status_code == 200


async def test_promtool_finds_nothing_wrong_but_the_historical_names(stack: Stack) -> None:
    """Every page of metrics, as the Prometheus project's own tool judges it."""
    promtool = shutil.which("promtool") or skip_or_fail("no promtool")
    for url in (
        f"{stack.gateway_url}/metrics",
        f"{stack.gateway_url}/api/tools/metrics",
        f"http://127.0.0.1:{stack.monitor_port}/metrics",
        f"http://127.0.0.1:{stack.ingest_metrics_port}/metrics",
    ):
        page = (await fetch(stack, url)).content
        assert b"# TYPE" in page
        checked = await asyncio.to_thread(
            subprocess.run, [promtool, "check", "metrics"], input=page, capture_output=True, check=False
        )
        said = (checked.stdout + checked.stderr).decode().splitlines()
        assert {line.split()[0] for line in said if line.strip()} <= HISTORICAL, (url, said)


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/api/market/btcturc/stream?symbol=*", "btcturk"),
        ("/api/market/btcturc/ticker?symbol=BTC_TRY", "btcturk"),
        ("/api/market/btcturk/stream?symbol=BTC_TRX", "BTC_TRY"),
        ("/api/market/btcturk/ticker?symbol=btc_try", "BTC_TRY"),
        ("/api/market/btcturk/snapshot?symbol=ETH_TRY,XPR_TRY", "XRP_TRY"),
    ],
)
async def test_an_unknown_name_is_answered_with_the_nearest(stack: Stack, path: str, nearest: str) -> None:
    answer = await fetch(stack, path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 404
    assert nearest in problem["nearest"]
    assert nearest in problem["detail"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("symbol=*&throttle=fast", "throttle"),
        ("symbol=*&throttle=-1", "throttle"),
        ("symbol=*&throttle=60001", "throttle"),
        ("symbol=", "symbol"),
        ("", "symbol"),
        ("symbol=BTC/TRY", "symbol"),
        ("symbol=*&channel=tickers", "channel"),
    ],
)
async def test_a_bad_parameter_is_named(stack: Stack, query: str, parameter: str) -> None:
    answer = await fetch(stack, f"/api/market/btcturk/stream?{query}")

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["parameter"] == parameter
    assert answer.json()["accepts"]


async def test_head_on_the_stream_ends(stack: Stack) -> None:
    """Link checkers and proxies ask so; a HEAD that stays open would hang them."""
    answer = await fetch(stack, "/api/market/btcturk/stream?symbol=*", "HEAD")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == b""


async def test_openapi_describes_the_stream(stack: Stack) -> None:
    answer = await fetch(stack, "/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert "get" in answer.json()["paths"]["/api/market/{venue}/stream"]


class StackWithoutRedis(Stack):
    """All services at work before there is a bus."""

    async def __aenter__(self) -> "StackWithoutRedis":
        try:
            for service in self.services.values():
                service.start()
            await eventually(lambda: self.get("/api/healthz"), 20, "a gateway that answers")
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self


async def test_streams_are_answered_before_redis_is_there_and_come_alive_with_it() -> None:
    """A browser gives up for ever on any answer but 200, so it is told the status instead."""
    async with StackWithoutRedis() as stack:
        client = EventSource(stack.stream_url("BTC_TRY"))
        async with running(client.run()):
            await eventually(lambda: client.of("health"), 5, "an answer without a bus")
            assert [event.type for event in client.events] == ["status", "health"]
            assert client.of("status")[0].data["status"] == "UNKNOWN"
            assert (await fetch(stack, "/livez")).status_code == 200
            assert (await fetch(stack, "/readyz")).status_code == 503
            assert (await fetch(stack, "/api/market/btcturk/ticker?symbol=BTC_TRY")).status_code == 503

            await stack.redis.start()
            await eventually(lambda: client.of("ticker"), 15, "tickers once Redis is there")
            await eventually(lambda: client.of("status")[-1].data["status"] == "MOCK", 15, "status MOCK")
            assert (await fetch(stack, "/readyz")).status_code == 200
        assert client.statuses == [200]


def ended(name: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a service that is expected to end by itself."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    ports = {variable: str(free_port()) for variable in PORTS.values()}
    return subprocess.run(
        [sys.executable, "-m", f"spark_{name}"], env=environ | ports | settings, capture_output=True, text=True,
        timeout=20, check=False,
    )  # fmt: skip


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that is no log."""
    [line] = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("{")]
    return line


@pytest.mark.parametrize("name", SERVICES)
async def test_a_taken_port_ends_a_service_with_one_clear_line(name: str) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        done = await asyncio.to_thread(ended, name, **{PORTS[name]: port})

    assert done.returncode == 3
    assert port in complaint(done)
    assert PORTS[name] in complaint(done)


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("simulator", "SPARK_SIMULATOR_PAIRS", "many"),
        ("ingest_btcturk", "SPARK_BTCTURK_SYMBOLS", "BTCTRY"),
        ("ingest_btcturk", "SPARK_REDIS_URL", "http://localhost"),
        ("ingest_bist", "SPARK_BIST_URL", "query1.finance.yahoo.com"),
        ("monitor", "SPARK_VENUE_STALENESS_TARGET", "soon"),
        ("gateway", "SPARK_GATEWAY_PORT", "tcp://10.0.0.1:8080"),
        ("gateway", "SPARK_VENUES", "nasdaq"),
        ("gateway", "SPARK_GATEWAY_PROT", "8080"),
    ],
)
async def test_a_bad_setting_ends_a_service_with_one_line_that_names_it(name: str, variable: str, value: str) -> None:
    done = await asyncio.to_thread(ended, name, **{variable: value})

    assert done.returncode == 2
    assert variable in complaint(done)
