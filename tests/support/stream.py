"""What a venue's stream holds, read straight from Redis."""

from typing import Any

from redis.asyncio import Redis

from spark_bus import keys
from spark_market import wire
from spark_market.messages import Gap, Ticker
from support.examples import VENUE


async def entries(redis: Redis) -> list[dict[bytes, bytes]]:
    """Return the fields of every entry, oldest first."""
    found: list[Any] = await redis.xrange(keys.messages(VENUE))
    return [fields for _, fields in found]


async def kinds(redis: Redis) -> list[str]:
    return [fields[b"k"].decode() for fields in await entries(redis)]


async def prices(redis: Redis) -> list[int]:
    """Return the prices of the tickers on the stream, oldest first."""
    return [price_of(fields[b"d"]) for fields in await entries(redis) if fields[b"k"] == b"ticker"]


async def gaps(redis: Redis) -> list[Gap]:
    found = [wire.decode(fields[b"d"]) for fields in await entries(redis) if fields[b"k"] == b"gap"]
    return [gap for gap in found if isinstance(gap, Gap)]


async def epoch(redis: Redis) -> str | None:
    found: bytes | None = await redis.get(keys.epoch(VENUE))
    return found.decode() if found else None


async def latest(redis: Redis) -> dict[str, int]:
    """Return the prices that `latest` holds, by symbol."""
    found: dict[bytes, bytes] = await redis.hgetall(keys.latest(VENUE))  # type: ignore[misc]
    return {
        field.decode().removeprefix("ticker:"): price_of(value.partition(b" ")[2]) for field, value in found.items()
    }


def price_of(data: bytes) -> int:
    message = wire.decode(data)
    assert isinstance(message, Ticker)
    assert message.price is not None
    return int(message.price)
