"""A source with a socket that can be asked as well: it is, for as long as the socket brings nothing."""

import asyncio
import time
from typing import Final, Literal

import structlog

from spark_ingest_bist.listening import Listening
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.session import Wiring
from spark_service.lifecycle import end

FALL_BACK_AFTER_S: Final = 30.0
"""How long the socket may bring nothing, or not be there, before the source is asked."""
_LOOK_S: Final = 0.5

logger = structlog.get_logger()


class Both:
    """Implements `Session`. The socket goes on trying while the source is asked."""

    def __init__(self, listening: Listening, poller: Poller, wiring: Wiring) -> None:
        self._listening = listening
        self._poller = poller
        self._market = wiring.market
        self._polling: asyncio.Task[None] | None = None

    @property
    def _session(self) -> Listening | Poller:
        return self._listening if self._polling is None else self._poller

    @property
    def kind(self) -> Literal["poll", "websocket"]:
        """Which way it is at the moment."""
        return self._session.kind

    @property
    def connected_since(self) -> int | None:
        """Since when (ms UTC, wall) the source is heard that way."""
        return self._session.connected_since

    @property
    def trouble(self) -> str | None:
        """What that way failed with."""
        return self._session.trouble

    @property
    def sockets(self) -> tuple[int, int]:
        """How many connections stand, and how many are wanted."""
        return self._listening.sockets

    def missing(self) -> list[str]:
        """Return which wanted symbols the source does not seem to have."""
        return self._session.missing()

    def never_had(self) -> set[str]:
        """Return those of them that it never had."""
        return self._session.never_had()

    async def run(self) -> None:
        """Listen, and ask when there is nothing to hear, until cancelled."""
        listening = asyncio.create_task(self._listening.run())
        well_at = time.monotonic()
        try:
            while not listening.done() and (self._polling is None or not self._polling.done()):
                await asyncio.wait({listening}, timeout=_LOOK_S)
                now = time.monotonic()
                if self._heard_within(now):
                    well_at = now
                    await self._stop_asking()
                elif now - well_at > FALL_BACK_AFTER_S and self._polling is None:
                    logger.warning("the socket brings nothing; asking instead", after_s=FALL_BACK_AFTER_S)
                    self._polling = asyncio.create_task(self._poller.run())
                    self._listening.asked_instead = True
            for task in (listening, self._polling):
                if task is not None and task.done():
                    task.result()
        finally:
            await self._stop_asking()
            await end([listening])

    def _heard_within(self, now: float) -> bool:
        """Return whether the socket is as it should be: there, and with data if that is expected."""
        if self._listening.connected_since is None:
            return False
        heard_at = self._listening.heard_at
        return not self._listening.expected() or (heard_at is not None and now - heard_at < FALL_BACK_AFTER_S)

    async def _stop_asking(self) -> None:
        if self._polling is None:
            return
        polling, self._polling = self._polling, None
        self._listening.asked_instead = False
        await end([polling])
        if not polling.cancelled():
            polling.result()
        self._market.interval_ms = 0.0
        logger.info("the socket brings data again; no longer asking")
