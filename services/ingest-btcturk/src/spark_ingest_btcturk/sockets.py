"""All sockets of the venue: as many as the pairs need, adapted when the directory changes."""

import asyncio
import time
from collections.abc import Callable

import structlog

from spark_ingest_btcturk.channels import Subscription
from spark_ingest_btcturk.directory import Directory
from spark_ingest_btcturk.session import Session
from spark_ingest_btcturk.shares import Share, Shares
from spark_service.lifecycle import end

logger = structlog.get_logger()


class Sockets:
    """Starts and ends sessions; what each of them does is its own affair."""

    def __init__(
        self,
        directory: Directory,
        shares: Shares,
        session: Callable[[int], Session],
        forget: Callable[[Subscription], None],
    ) -> None:
        """``session`` makes the socket of a number; ``forget`` is told of what is not wanted any more."""
        self._directory = directory
        self._shares = shares
        self._new_session = session
        self._forget = forget
        self._wanted: set[Subscription] = set()
        self._sessions: list[Session] = []
        self._running: dict[Session, asyncio.Task[None]] = {}
        self.probes: frozenset[Subscription] = frozenset()
        """Subscriptions that only show that their socket lives."""

    @property
    def sessions(self) -> list[Session]:
        """Those that carry something."""
        return list(self._running)

    def connected_since(self) -> int | None:
        """Return since when (ms UTC) the longest of the present connections stands, None without any."""
        return min((one.connected_since for one in self._running if one.connected_since is not None), default=None)

    def heard_at(self) -> float | None:
        """Return when (monotonic, s) data last came over any of them."""
        return max((one.heard_at for one in self._running if one.heard_at is not None), default=None)

    def unproven(self) -> list[Subscription]:
        """Return what is joined and has brought no data."""
        return [item for one in self._running for item in one.subscriptions.unproven()]

    def overdue(self) -> list[Subscription]:
        """Return what should have brought data by now."""
        now = time.monotonic()
        return [item for one in self._running for item in one.subscriptions.overdue(now)]

    def distrust(self, subscription: Subscription, now: float) -> bool:
        """Join it again, on whichever socket carries it; returns whether one does, and was not about to."""
        return any(one.subscriptions.distrust(subscription, now) for one in self._running)

    async def run(self) -> None:
        """Keep a session for every share, until cancelled. Raises what broke one."""
        changed = asyncio.Event()
        self._directory.changed = changed.set
        changed.set()
        try:
            while True:
                await self._any_of(changed)
                changed.clear()
                await self._adapt()
        finally:
            await end(self._running.values())

    async def _any_of(self, changed: asyncio.Event) -> None:
        """Wait for the directory to change; a session that ends has failed."""
        waiting = asyncio.create_task(changed.wait())
        try:
            await asyncio.wait([waiting, *self._running.values()], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end([waiting])
        for task in self._running.values():
            if task.done():
                task.result()

    async def _adapt(self) -> None:
        shares = self._shares.spread(self._directory.pairs.keys(), self._directory.listed)
        self.probes = frozenset(share.probe for share in shares if share.probe is not None)
        wanted = {item for share in shares for item in share.subscriptions} - self.probes
        for gone in self._wanted - wanted:
            self._forget(gone)
        self._wanted = wanted
        for number, share in enumerate(shares):
            if number == len(self._sessions):
                self._sessions.append(self._new_session(number + 1))
            await self._carry(self._sessions[number], share)

    async def _carry(self, session: Session, share: Share) -> None:
        await session.want(share.subscriptions, share.probe)
        running = self._running.get(session)
        if share.subscriptions and running is None:
            self._running[session] = asyncio.create_task(session.run())
        elif not share.subscriptions and running is not None:
            await end([self._running.pop(session)])
