"""Carries a venue's messages from the outbox to Redis, for ever: claims, appends, beats, starts epochs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from spark_bus import feed
from spark_bus.connection import BUS_ERRORS, heeding
from spark_bus.cursor import EntryId
from spark_bus.outbox import Outbox
from spark_bus.publisher import Claim, Fenced, Outgoing, Publisher, outgoing
from spark_market.instruments import Instrument
from spark_market.messages import Heartbeat, Ticker

BEAT_S = 1.0
BATCH = 500
GATHER_S = 0.002
"""Batches start at least this far apart, so that several messages share the cost of a call when they come one by one in
quick succession. A message that comes alone leaves at once, and so do enough of them to make a call cheap."""
ENOUGH = 50

Answer = TypeVar("Answer")


class LeaseLost(Exception):
    """Another writer may have published in between: begin again, as at a start."""


@dataclass(frozen=True)
class Beat:
    """What the ingest has to say of itself right now."""

    heartbeat: Heartbeat
    heard: Mapping[str, int]
    state: feed.FeedState


class CarrierWatcher(Protocol):
    """Who wants to know how carrying goes."""

    def bus_reached(self) -> None:
        """Redis answered."""

    def bus_lost(self, error: Exception, wait_s: float) -> None:
        """A call failed; the next try is in ``wait_s``."""

    def published(self, batch: list[Outgoing]) -> None:
        """Redis acknowledged ``batch``."""

    def epoch_born(self, epoch: str) -> None:
        """Redis had lost something, or it is the first start: a new epoch began."""

    def standing_by(self, wait_ms: int) -> None:
        """Another writer holds the venue."""

    def beaten(self, first: EntryId) -> None:
        """A heartbeat was taken; ``first`` is the oldest entry that the stream holds."""


class Carrier:
    """One venue's way to Redis, for one term as its writer. One call at a time, so that order is never in doubt.

    After a LeaseLost it carries nothing more: the next term needs a new carrier with a new outbox.
    """

    def __init__(
        self,
        publisher: Publisher,
        outbox: Outbox,
        *,
        beat: Callable[[], Beat],
        instruments: Callable[[], Mapping[str, Instrument] | None],
        waits: Callable[[], Iterator[float]],
        watcher: CarrierWatcher,
    ) -> None:
        self._publisher = publisher
        self._outbox = outbox
        self._beat = beat
        self._instruments = instruments
        self._new_waits = waits
        self._watcher = watcher
        self._current: dict[str, Outgoing] = {}
        self._pending: list[list[Outgoing]] = []  # in hand: what a new epoch must hold first, then one batch
        self._directory_written: Mapping[str, Instrument] | None = None
        self._lost = False
        self._heed: Callable[[], None] = lambda: None

    async def claim(self) -> Claim:
        """Wait until the venue is ours."""
        self._heed = heeding()
        while True:
            answer = await self._answered(self._publisher.claim)
            if isinstance(answer, Claim):
                if answer.born:
                    self._watcher.epoch_born(answer.epoch)
                return answer
            self._watcher.standing_by(answer.wait_ms)
            await asyncio.sleep(min(answer.wait_ms / 1000, BEAT_S))

    async def recall(self) -> dict[str, Ticker]:
        """Return the current tickers, once the venue is ours. Who does not publish them again has them kept here."""
        tickers = await self._answered(self._publisher.current_tickers)
        self._current = {one.field: one for one in map(outgoing, tickers.values())}
        return tickers

    async def run(self) -> None:
        """Carry, until cancelled. Raises LeaseLost."""
        if self._lost:
            raise LeaseLost
        loop = asyncio.get_running_loop()
        self._heed = heeding()
        await self._drain()  # what an earlier run had in hand
        next_beat = next_batch = loop.time()
        while True:
            self._heed()
            await self._outbox.wait(max(0.0, next_beat - loop.time()))
            if len(self._outbox) < ENOUGH and (early_s := next_batch - loop.time()) > 0:
                await asyncio.sleep(early_s)
            next_batch = loop.time() + GATHER_S
            batch = self._outbox.take(BATCH)
            if batch:
                await self._deliver(batch)
            if loop.time() >= next_beat:
                await self._tell_of_ourselves()
                next_beat = loop.time() + BEAT_S

    async def flush(self) -> None:
        """Deliver all that waits, once `run` has been cancelled; for an orderly stop.

        After a LeaseLost there is nothing to deliver: what we hold is older than what the other writer published.
        """
        if self._lost:
            return
        self._heed = heeding()
        await self._drain()
        while batch := self._outbox.take(BATCH):
            await self._deliver(batch)

    async def _deliver(self, batch: list[Outgoing]) -> None:
        """Append ``batch``, however long that takes."""
        self._pending = [batch]
        await self._drain()

    async def _drain(self) -> None:
        while self._pending:
            try:
                answer = await self._answered(lambda: self._publisher.append(self._pending[0]))
            except Fenced:
                await self._claim_again()
                continue
            if answer.born:
                self._watcher.epoch_born(answer.epoch)
                self._refill()
                continue
            appended = self._pending.pop(0)
            self._current.update({message.field: message for message in appended if message.channel == "ticker"})
            self._watcher.published(appended)

    def _refill(self) -> None:
        """Put every current value in front of the batch in hand: the new epoch holds none."""
        self._directory_written = None
        *refilled, batch = self._pending
        untold = [message for refill in refilled for message in refill if message.gap is not None]  # of an epoch before
        books, batch = self._outbox.start_over(untold + batch)
        front = [*self._current.values(), *books]
        self._pending = [*(front[at : at + BATCH] for at in range(0, len(front), BATCH)), batch]

    async def _claim_again(self) -> None:
        """Redis forgot us: a wiped one is refilled. One that another writer used is not ours to go on with."""
        answer = await self._answered(self._publisher.claim)
        if not (isinstance(answer, Claim) and answer.born) or answer.mode_changed:
            self._lost = True
            raise LeaseLost
        self._watcher.epoch_born(answer.epoch)
        self._refill()

    async def _answered(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Call until Redis answers, however long that takes.

        A cancellation is heeded here, where a batch is either taken off or still under its number.
        """
        waits = self._new_waits()
        while True:
            self._heed()
            try:
                answer = await call()
            except BUS_ERRORS as exc:
                wait_s = next(waits)
                await self._lose_bus(exc, wait_s)
                await asyncio.sleep(wait_s)
            else:
                self._watcher.bus_reached()
                return answer

    async def _lose_bus(self, error: Exception, wait_s: float) -> None:
        self._watcher.bus_lost(error, wait_s)
        with suppress(*BUS_ERRORS):
            await self._publisher.reconnect()  # a demoted master keeps the connection, and refuses for ever

    async def _tell_of_ourselves(self) -> None:
        """One heartbeat. It is not queued: what it says would be old when Redis is back."""
        beat = self._beat()
        try:
            await self._write_directory()
            first = await self._publisher.beat(beat.heartbeat, beat.heard, beat.state)
        except Fenced:
            first = None
        except BUS_ERRORS as exc:
            await self._lose_bus(exc, BEAT_S)
            return
        self._watcher.bus_reached()
        if first is None:
            await self._deliver([])  # its number gives away what Redis has lost, and an epoch begins
        else:
            self._watcher.beaten(first)

    async def _write_directory(self) -> None:
        directory = self._instruments()
        if directory is None or directory is self._directory_written:  # None: the venue has not told yet
            return
        await self._publisher.write_instruments(directory)
        self._directory_written = directory  # before the notice: an epoch born meanwhile asks for it again
        self._current = {field: one for field, one in self._current.items() if one.symbol in directory}
        await self._deliver([self._publisher.directory_changed()])
