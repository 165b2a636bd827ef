"""Behind a real nginx, as people have it: what is published arrives at once, and nothing is lost on the way."""

import asyncio

import httpx
import pytest

from support.eventually import eventually
from support.examples import a_ticker, tickers
from support.nginx import Nginx, documented, plain

from .conftest import Bench, Reading
from .test_streams import prices, until

SERVERS = {
    "its defaults": plain(),
    "http/1.1": plain('proxy_http_version 1.1; proxy_set_header Connection "";'),
    "buffering off": plain("proxy_buffering off;"),
    "gzip": plain("gzip on; gzip_proxied any; gzip_min_length 0; gzip_types text/event-stream;"),
    "documented": documented(),
}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
async def test_each_event_passes_at_once(bench: Bench, reading: Reading, server: str) -> None:
    """One alone is far less than any buffer: if it were gathered, it would come with some health later, or never."""
    async with Nginx(server, bench.port) as nginx:
        source = await reading.open(bench.stream().replace(str(bench.port), str(nginx.port)))
        await eventually(lambda: source.of("health"), 5, "the opening")
        for price in range(10, 15):
            await bench.publish(a_ticker(price))
            await eventually(lambda price=price: price in prices(source), 5, f"the price {price}")  # type: ignore[misc]

        assert prices(source) == list(range(10, 15))
        assert len(source.of("health")) < 3, "it came only with the health after it"
        assert source.connections == 1


async def test_gzip_in_nginx_does_compress(bench: Bench) -> None:
    """So that the test above is about something."""
    async with Nginx(SERVERS["gzip"], bench.port) as nginx, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{nginx.port}/api/market/btcturk/stream?symbol=*"
        async with client.stream("GET", url) as response:
            assert response.headers["content-encoding"] == "gzip"
            assert response.headers["cache-control"] == "no-cache, no-transform"


@pytest.mark.parametrize("server", ["its defaults", "documented"])
@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_restart_of_the_gateway_behind_it_loses_nothing(
    bench: Bench, reading: Reading, server: str, how: str
) -> None:
    """A reader that asks again until it is answered goes on by its Last-Event-ID."""
    async with Nginx(SERVERS[server], bench.port) as nginx:
        source = await reading.open(bench.stream().replace(str(bench.port), str(nginx.port)))
        await eventually(lambda: source.of("health"))
        await bench.publish_many(tickers(10, 11))
        await until(source, 11)

        if how == "killed":
            bench.gateway.kill()
        else:
            await asyncio.to_thread(bench.gateway.terminate)
        await bench.publish_many(tickers(*range(12, 30)))
        asked = len(source.statuses)
        await eventually(lambda: len(source.statuses) > asked, 10, "an answer while the gateway is away")
        assert source.statuses[-1] == (200 if server == "documented" else 502)
        await bench.start_gateway()
        await until(source, 29)
        await bench.publish(a_ticker(30))
        await until(source, 30)

        assert prices(source) == list(range(10, 31))
        assert not source.of("gap")


async def test_a_cold_start_behind_the_documented_server_says_come_back(bench: Bench) -> None:
    """And nothing else of it is made up: REST is told the truth."""
    bench.gateway.kill()
    async with Nginx(documented(), bench.port) as nginx, httpx.AsyncClient() as client:
        base = f"http://127.0.0.1:{nginx.port}/api/market"
        for path in ("/btcturk/stream?symbol=*", "/stream?instrument=btcturk:BTC_TRY"):
            answer = await client.get(base + path)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.text == "retry: 2000\n\n"
        assert (await client.get(f"{base}/btcturk/ticker?symbol=BTC_TRY")).status_code == 502
