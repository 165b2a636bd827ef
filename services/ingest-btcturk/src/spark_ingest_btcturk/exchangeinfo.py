"""Fetches the venue's list of instruments, trying until it is there."""

import asyncio
from collections.abc import Callable, Iterator

import httpx
import structlog

from spark_ingest_btcturk.directory import Directory, MalformedDirectory, read_exchangeinfo
from spark_ingest_btcturk.metrics import IngestMetrics

_LARGEST_ANSWER = 16 * 2**20  # it is about 0.4 MB

logger = structlog.get_logger()


async def load_directory(
    rest_url: str,
    directory: Directory,
    metrics: IngestMetrics,
    waits: Callable[[], Iterator[float]],
) -> None:
    """Fill ``directory``; the feed does not wait for it. Symbols that the venue does not list are named once."""
    async with httpx.AsyncClient(timeout=httpx.Timeout(10.0)) as client:
        for wait_s in waits():
            try:
                listed = read_exchangeinfo(await _fetch(client, f"{rest_url}/api/v2/server/exchangeinfo"))
                break
            except (httpx.HTTPError, MalformedDirectory) as exc:
                metrics.directory_failed()
                logger.warning("cannot read btcturk's instruments", error=str(exc), retry_in_s=round(wait_s, 2))
                await asyncio.sleep(wait_s)
    unlisted = directory.load(listed)
    if unlisted:
        logger.error("btcturk does not list these; correct SPARK_BTCTURK_SYMBOLS", symbols=unlisted)
    logger.info("read btcturk's instruments", listed=len(listed), carried=len(directory.instruments))


async def _fetch(client: httpx.AsyncClient, url: str) -> bytes:
    body = bytearray()
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LARGEST_ANSWER:
                raise MalformedDirectory(f"an answer of more than {_LARGEST_ANSWER} bytes")
    return bytes(body)
