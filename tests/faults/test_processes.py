"""Real processes: stopped, continued, killed and replaced, with another that stands by, connected; and over TLS."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from redis.asyncio import Redis

from faults.witnesses import LIVELY, SYMBOLS, Bus, Venue, Witnesses, print_healed
from integration.simulator.helpers import simulated
from spark_market.messages import Book, Ticker
from support import account
from support.certificate import self_signed
from support.eventually import eventually
from support.redis_server import RedisServer, free_port
from support.stack import Service

STOPPED_S = 10.0
OLD_MS = 1_500
"""What comes to the bus so much later than it was sent has waited somewhere, and would pass for new."""
TAKEOVER = [("ticker", None, "takeover"), *[("book", symbol, "takeover") for symbol in SYMBOLS]]


class Ingests(Witnesses):
    """Processes in front of one simulator and one Redis."""

    def __init__(self, http: httpx.AsyncClient, redis: Redis, services: Sequence[Service]) -> None:
        super().__init__(Venue(http), Bus(redis))
        self.services = services

    async def fresh(self, since_ms: float, within_s: float) -> float:
        """Return the seconds from ``since_ms`` until a ticker and a book of each symbol were received after it."""

        async def there() -> bool:
            found = {
                (type(message), message.symbol)
                for message in await self.bus.read()
                if isinstance(message, Ticker | Book) and message.received_at > since_ms
            }
            return found == {(kind, symbol) for kind in (Ticker, Book) for symbol in SYMBOLS}

        await eventually(there, within_s, "fresh tickers and books")
        took_s = time.time() - since_ms / 1000
        if since_ms:
            print_healed(took_s)
        return took_s

    async def ages_ms(self) -> list[float]:
        """Return how long after it was sent each ticker, and each change of a book, was received."""
        frames, ages = await self.venue.frames(402, 432), []
        for symbol, pair in self.pairs.items():
            rows = {row.figures: row.at for row in account.rows_sent(frames, pair)}
            ages += [item.received_at - rows[account.figures_of(item)] for item in await self.bus.tickers(symbol)]
            steps = {str(step.change_set): step.at for step in account.steps_sent(frames, pair)}
            changes = [item for item in await self.bus.books(symbol) if item.previous is not None]
            ages += [item.received_at - steps[item.sequence] for item in changes]
        return ages


@asynccontextmanager
async def ingests(
    number: int, redis_of_module: RedisServer, redis: Redis, folder: Path, certificate: Path | None = None
) -> AsyncIterator[Ingests]:
    """Run so many, of which the first writes; the others stand by, and have everything.

    With a ``certificate`` they come over TLS, and trust it.
    """
    tls = {} if certificate is None else {"tls_port": 0, "tls_certificate": certificate}
    async with (
        simulated(**{**LIVELY, **tls}) as simulator,  # type: ignore[arg-type]
        httpx.AsyncClient(base_url=simulator.http_url, timeout=20) as http,
    ):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")} | {
            "SPARK_REDIS_URL": redis_of_module.url,
            "SPARK_BTCTURK_WS_URL": simulator.ws_url,
            "SPARK_BTCTURK_REST_URL": f"{simulator.http_url}/btcturk",
            "SPARK_BTCTURK_SYMBOLS": ",".join(SYMBOLS),
        }
        if certificate is not None:
            environ["SPARK_BTCTURK_WS_URL"] = f"wss://127.0.0.1:{simulator.tls_port}/btcturk/ws"
            environ["SSL_CERT_FILE"] = str(certificate)
        services = [
            Service(
                "ingest_btcturk",
                environ | {"SPARK_BTCTURK_METRICS_PORT": str(free_port())},
                folder / f"ingest-{nth}.log",
            )
            for nth in range(number)
        ]
        ours = Ingests(http, redis, services)
        try:
            services[0].start()
            await ours.fresh(0, 20)
            for other in services[1:]:
                other.start()
            await eventually(lambda: _given(ours, number), 20, "lists and snapshots for everybody")
            yield ours
        except BaseException:
            for service in services:
                print(f"--- {service.log.name}\n{service.log.read_text()[-3000:]}")
            raise
        finally:
            for service in services:
                service.kill()


async def _given(ours: Ingests, number: int) -> bool:
    firsts = await ours.venue.frames(421, 431)
    return len(firsts) == 2 * len(SYMBOLS) * number


async def test_a_writer_that_stands_still_for_10_s(redis_of_module: RedisServer, redis: Redis, tmp_path: Path) -> None:
    """Nobody else is there. It goes on by itself, publishes nothing of what waited for it, and all trades."""
    async with ingests(1, redis_of_module, redis, tmp_path) as ours:
        ours.services[0].pause()
        await asyncio.sleep(STOPPED_S)
        ours.services[0].resume()
        assert await ours.fresh(time.time() * 1000, 20) < 10
        missing = await ours.compared(
            [(channel, symbol, "stalled") for channel in ("ticker", "book") for symbol in SYMBOLS]
        )
        ages = await ours.ages_ms()

    assert missing.trades == []
    assert missing.tickers != []
    assert max(ages) < OLD_MS


async def test_a_writer_that_stands_still_while_another_stands_by(
    redis_of_module: RedisServer, redis: Redis, tmp_path: Path
) -> None:
    """The other takes over within 5 s; the first one, back after 10 s, publishes nothing, and stands by in its turn."""
    async with ingests(2, redis_of_module, redis, tmp_path) as ours:
        first, second = ours.services
        first.pause()
        stopped_ms = time.time() * 1000
        assert await ours.fresh(stopped_ms, 20) < 5
        await asyncio.sleep(stopped_ms / 1000 + STOPPED_S - time.time())
        first.resume()
        await eventually(lambda: "another ingest took over" in first.log.read_text(), 10, "a writer that has noticed")
        await eventually(lambda: _given(ours, 3), 20, "a new connection of its own")
        second.kill()
        assert await ours.fresh(time.time() * 1000, 20) < 5
        missing = await ours.compared(TAKEOVER * 2, chain=True)
        ages = await ours.ages_ms()

    assert missing.trades == []
    assert max(ages) < OLD_MS


async def test_a_writer_that_is_killed_while_another_stands_by(
    redis_of_module: RedisServer, redis: Redis, tmp_path: Path
) -> None:
    """Taken over within 5 s: each trade once over both, each book's chain right, and the hole disclosed."""
    async with ingests(2, redis_of_module, redis, tmp_path) as ours:
        ours.services[0].kill()
        assert await ours.fresh(time.time() * 1000, 20) < 5
        missing = await ours.compared(TAKEOVER, chain=True)

    assert missing.trades == []


async def test_a_writer_that_ends_in_order_while_another_stands_by(
    redis_of_module: RedisServer, redis: Redis, tmp_path: Path
) -> None:
    """It gives the lease back: the other need not wait for its end."""
    async with ingests(2, redis_of_module, redis, tmp_path) as ours:
        status = await asyncio.to_thread(ours.services[0].terminate)
        took_s = await ours.fresh(time.time() * 1000, 20)
        missing = await ours.compared(TAKEOVER, chain=True)

    assert status == 0
    assert took_s < 2.5
    assert missing.trades == []


async def test_a_writer_that_is_killed_and_started_again(
    redis_of_module: RedisServer, redis: Redis, tmp_path: Path
) -> None:
    """It stands by for as long as the lease of its former self lasts, and goes on after the last trade on the bus."""
    async with ingests(1, redis_of_module, redis, tmp_path) as ours:
        ours.services[0].restart()
        assert await ours.fresh(time.time() * 1000, 20) < 5
        missing = await ours.compared(TAKEOVER, chain=True)

    assert missing.trades == []


async def test_a_slow_tls_handshake(redis_of_module: RedisServer, redis: Redis, tmp_path: Path) -> None:
    """It is waited for."""
    async with ingests(1, redis_of_module, redis, tmp_path, self_signed(tmp_path)) as ours:
        await ours.venue.order("slow_tls", seconds=30, delay=1)
        await ours.venue.order("cut")
        took_s = await ours.fresh(time.time() * 1000 + 500, 20)
        missing = await ours.compared(
            [(channel, symbol, "closed") for channel in ("ticker", "book") for symbol in SYMBOLS]
        )

    assert 1.2 < took_s < 5
    assert missing.trades == []
