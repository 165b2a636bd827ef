"""What a venue's stream holds, read straight from Redis."""

from typing import Any

from redis.asyncio import Redis

from spark_bus import keys
from spark_market import wire
from spark_market.messages import Gap, Ticker, Trade
from support.examples import VENUE


async def raw(redis: Redis) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return every entry, oldest first."""
    found: Any = await redis.xrange(keys.messages(VENUE))
    return list(found)


async def hash_of(redis: Redis, key: str) -> dict[bytes, bytes]:
    found: Any = await redis.hgetall(key)
    return dict(found)


async def now_ms(redis: Redis) -> int:
    """Return the time by Redis's clock."""
    seconds, micros = await redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def entries(redis: Redis) -> list[dict[bytes, bytes]]:
    """Return the fields of every entry, oldest first."""
    return [fields for _, fields in await raw(redis)]


async def kinds(redis: Redis) -> list[str]:
    return [fields[b"k"].decode() for fields in await entries(redis)]


async def prices(redis: Redis) -> list[int]:
    """Return the prices of the tickers on the stream, oldest first."""
    return [price_of(fields[b"d"]) for fields in await entries(redis) if fields[b"k"] == b"ticker"]


async def trades(redis: Redis) -> list[str]:
    """Return the ids of the trades on the stream, oldest first."""
    found = [wire.decode(fields[b"d"]) for fields in await entries(redis) if fields[b"k"] == b"trade"]
    return [trade.id for trade in found if isinstance(trade, Trade)]


async def gaps(redis: Redis) -> list[Gap]:
    found = [wire.decode(fields[b"d"]) for fields in await entries(redis) if fields[b"k"] == b"gap"]
    return [gap for gap in found if isinstance(gap, Gap)]


async def epoch(redis: Redis) -> str | None:
    found: Any = await redis.get(keys.epoch(VENUE))
    return str(found.decode()) if found else None


async def latest(redis: Redis) -> dict[str, int]:
    """Return the prices that `latest` holds, by symbol."""
    found = await hash_of(redis, keys.latest(VENUE))
    return {
        field.decode().removeprefix("ticker:"): price_of(value.partition(b" ")[2]) for field, value in found.items()
    }


def price_of(data: bytes) -> int:
    message = wire.decode(data)
    assert isinstance(message, Ticker)
    assert message.price is not None
    return int(message.price)
