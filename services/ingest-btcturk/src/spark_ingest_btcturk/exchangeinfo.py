"""Reads the venue's list of instruments, at the start and again and again: pairs are listed, halted and delisted."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

import httpx
import structlog

from spark_ingest.fetching import TooLarge, fetch, retry_after_s
from spark_ingest_btcturk.directory import Directory, MalformedDirectory, read_exchangeinfo
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_market.instruments import Instrument

PATIENCE_S = 10.0
"""How long named symbols wait for the venue's list before they are joined unseen."""
LEAST_REFRESH_S = 5.0
"""The venue's list is not asked for more often, whatever the feed speaks of."""
_MOST_NAMED = 20

logger = structlog.get_logger()


class Listings:
    """Keeps a directory up to date."""

    def __init__(
        self,
        rest_url: str,
        directory: Directory,
        metrics: IngestMetrics,
        *,
        refresh_s: float,
        waits: Callable[[], Iterator[float]],
    ) -> None:
        self._url = f"{rest_url}/api/v2/server/exchangeinfo"
        self._directory = directory
        self._metrics = metrics
        self._refresh_s = refresh_s
        self._new_waits = waits
        self._unlisted: list[str] = []
        self._malformed: list[str] = []

    async def run(self) -> None:
        """Read, wait, read again, until cancelled. The feed waits for the first answer, but not for ever."""
        loop = asyncio.get_running_loop()
        impatient = loop.call_later(PATIENCE_S, self._directory.assume)
        outdated = asyncio.Event()
        self._directory.outdated = outdated.set
        try:
            async with httpx.AsyncClient(timeout=httpx.Timeout(10.0)) as client:
                while True:
                    await self._read_once(client)
                    impatient.cancel()
                    await asyncio.sleep(min(LEAST_REFRESH_S, self._refresh_s))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._refresh_s - LEAST_REFRESH_S):
                            await outdated.wait()
                    outdated.clear()
        finally:
            impatient.cancel()

    async def _read_once(self, client: httpx.AsyncClient) -> None:
        listed, malformed = await self._listed(client)
        self._metrics.directory_rows_malformed(len(malformed))
        if malformed and malformed != self._malformed:
            logger.warning(
                "rows of btcturk's instruments cannot be read", rows=len(malformed), reason=malformed[0][:200]
            )
        self._malformed = malformed
        before = self._directory.instruments
        unlisted = self._directory.load(listed, whole=not malformed)
        if unlisted and unlisted != self._unlisted:
            logger.error("btcturk does not list these; correct SPARK_BTCTURK_SYMBOLS", symbols=unlisted)
        self._unlisted = unlisted
        if self._directory.instruments is not before:
            self._tell(before.keys(), listed=len(listed))

    async def _listed(self, client: httpx.AsyncClient) -> tuple[dict[str, Instrument], list[str]]:
        waits = self._new_waits()
        while True:
            try:
                return read_exchangeinfo(await fetch(client, self._url))
            except (httpx.HTTPError, TooLarge, MalformedDirectory) as exc:
                wait_s = max(next(waits), retry_after_s(exc))
                self._metrics.directory_failed()
                logger.warning("cannot read btcturk's instruments", error=str(exc), retry_in_s=round(wait_s, 2))
                await asyncio.sleep(wait_s)

    def _tell(self, before: Collection[str], *, listed: int) -> None:
        carried = self._directory.instruments.keys()
        logger.info(
            "btcturk's instruments",
            listed=listed,
            carried=len(carried),
            new=sorted(carried - set(before))[:_MOST_NAMED],
            gone=sorted(set(before) - carried)[:_MOST_NAMED],
        )
