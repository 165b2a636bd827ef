"""Token buckets, one for each client, shared by all replicas through Redis.

The buckets themselves are throttled-py's (its GCRA limiter: a bucket that fills evenly). Redis is not asked for each
request: a process takes tokens in small lots and spends them from memory, and takes the next lot before it runs out. A
lot that is not spent soon lapses, so no replica sits on another's tokens; and the first few are given on credit, so
that who asks seldom costs no call at all. While Redis is away or slow nobody waits for
it: the process limits by itself, and goes on trying in the background.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import structlog
from redis.asyncio import Redis
from throttled.asyncio.rate_limiter.gcra import GCRARateLimiter
from throttled.asyncio.store import RedisStore, RedisStoreBackend
from throttled.exceptions import StoreUnavailableError
from throttled.rate_limiter import Quota, per_duration
from throttled.rate_limiter.gcra import GCRARateLimiter as LocalLimiter
from throttled.store import MemoryStore

from spark_bus.connection import BUS_ERRORS
from spark_gateway.access import Client, RateClass
from spark_gateway.accessmetrics import AccessMetrics
from spark_service.backoff import backoff
from spark_service.lifecycle import end

CALL_TIMEOUT_S: Final = 0.25
"""How long Redis may take for one answer."""
CONNECTIONS: Final = 4
"""Of the client for the limits, which is one of its own: the bus must not wait for them, nor they for it."""
PATIENCE_S: Final = 0.05
"""How long a request waits for a lot, when there is none at all; then it is judged by this process alone."""
LIFE_S: Final = 2.0
"""How long a lot lasts."""
CREDIT: Final = 0.05
"""Which part of its rate a client may have of each process before Redis is asked. Most never need more. The first lot
pays it back, so it comes on top only for one that takes no lot."""
MOST_CLIENTS: Final = 10_000
"""Whose lots are remembered; of the others Redis knows all that matters."""
_MOST_CALLS: Final = 64
_PREFIX: Final = "spark:limits"
_PERIOD_S: Final = 1_000  # the library takes whole numbers: this makes rates of a thousandth a second

logger = structlog.get_logger()


class _Lot:
    """The tokens that this process has of one client's bucket."""

    __slots__ = ("blocked_until", "credit_at", "filling", "limiter", "low", "owed", "tokens", "until")

    def __init__(self, limiter: "_Limiter") -> None:
        self.limiter = limiter
        self.low = limiter.lot // 2 if limiter.lot > 1 else -1  # one that is taken too early lapses, and is missed
        self.tokens = 0
        self.owed = 0
        self.until = 0.0
        self.credit_at = 0.0
        self.blocked_until = 0.0
        self.filling: asyncio.Task[None] | None = None

    def begin(self, now: float) -> None:
        """Give up what has lapsed, and have a lot on credit if it is time for one."""
        self.tokens = self.owed = 0
        if now >= self.credit_at:
            self.tokens = self.owed = self.limiter.lot
            self.until = now + LIFE_S
            self.credit_at = now + self.limiter.credit_every_s


class _Limiter:
    """The buckets of one class: in Redis, and the stand-in here."""

    def __init__(self, rate: RateClass, shared: RedisStore, local: MemoryStore) -> None:
        self.shared = GCRARateLimiter(quota(rate), shared, key_prefix=_PREFIX)
        self.local = LocalLimiter(quota(rate), local, key_prefix=_PREFIX)
        self.lot = lot_size(rate)
        self.credit_every_s = self.lot / rate.requests_per_second / CREDIT


class Buckets:
    """Says whether a client may ask now. For one event loop."""

    def __init__(
        self,
        redis: Redis,
        metrics: AccessMetrics,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_clients: int = MOST_CLIENTS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._shared = _OnClient(redis)
        self._local = MemoryStore(options={"MAX_SIZE": most_clients})
        self._metrics = metrics
        self._clock = clock
        self._most_clients = most_clients
        self._patience_s = patience_s
        self._limiters: dict[RateClass, _Limiter] = {}
        self._lots: OrderedDict[str, _Lot] = OrderedDict()
        self._calls: set[asyncio.Task[None]] = set()
        self._away = False
        self._slow = False
        self._try_again_at = 0.0
        self._waits: Iterator[float] = backoff(0.5, 8.0)

    def spend(self, client: Client) -> float | None:
        """Take a token out of memory. Returns 0, the seconds to wait for one, or None: then `ask`."""
        lot = self._lots.get(client.id)
        if lot is None:
            lot = self._remember(client)
        now = self._clock()
        if now >= lot.until:
            lot.begin(now)
        if lot.tokens:
            lot.tokens -= 1
            if lot.tokens <= lot.low and lot.filling is None and not self._away:
                self._fill(client, lot)
            self._lots.move_to_end(client.id)
            return 0.0
        if now < lot.blocked_until:
            return lot.blocked_until - now
        return None

    async def ask(self, client: Client) -> float:
        """Take a token, of the bucket itself if need be. Returns 0, or the seconds to wait for one."""
        give_up_at = self._clock() + self._patience_s
        while (verdict := self.spend(client)) is None:
            lot = self._lots[client.id]
            call = self._fill(client, lot)
            if call is None or self._away or self._slow:
                return self._alone(client, lot)
            done, _ = await asyncio.wait({call}, timeout=max(0.0, give_up_at - self._clock()))
            self._slow = self._slow or not done  # the others need not wait in vain too
        return verdict

    async def close(self) -> None:
        """End what is under way."""
        await end(list(self._calls))

    def _limiter(self, rate: RateClass) -> _Limiter:
        limiter = self._limiters.get(rate)
        if limiter is None:  # there are as many as classes
            limiter = self._limiters[rate] = _Limiter(rate, self._shared, self._local)
        return limiter

    def _remember(self, client: Client) -> _Lot:
        lot = self._lots[client.id] = _Lot(self._limiter(client.rate))
        if len(self._lots) > self._most_clients:
            self._lots.popitem(last=False)
        return lot

    def _alone(self, client: Client, lot: _Lot) -> float:
        self._metrics.judged_alone()
        if lot.owed:
            lot.limiter.local.limit(client.id, lot.owed)
            lot.owed = 0
        result = lot.limiter.local.limit(client.id)
        return max(0.001, result.state.retry_after) if result.limited else 0.0

    def _fill(self, client: Client, lot: _Lot) -> asyncio.Task[None] | None:
        """Return the call for the next lot; None if Redis is not to be asked now."""
        if lot.filling is not None:
            return lot.filling
        if len(self._calls) >= _MOST_CALLS or (self._away and (self._calls or self._clock() < self._try_again_at)):
            return None
        lot.filling = call = asyncio.create_task(self._take(client, lot))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    async def _take(self, client: Client, lot: _Lot) -> None:
        limiter, started = lot.limiter, self._clock()
        owed, lot.owed = lot.owed, 0
        want = owed + limiter.lot
        try:
            result = await limiter.shared.limit(client.id, want)
            if result.limited and result.state.remaining:  # all or nothing: so ask for what there is
                want = result.state.remaining
                result = await limiter.shared.limit(client.id, want)
        except (*BUS_ERRORS, StoreUnavailableError) as exc:
            lot.owed += owed
            self._lost(exc)
            return
        finally:
            lot.filling = None
        now = self._clock()
        self._slow = now - started > self._patience_s
        if result.limited:
            lot.blocked_until = now + max(0.001, result.state.retry_after)
            lot.credit_at = max(lot.credit_at, now + result.state.reset_after)  # not before its bucket is full again
        else:
            lot.tokens = max(0, want - owed) + (lot.tokens if now < lot.until else 0)
            lot.until = now + LIFE_S
        self._found()

    def _lost(self, exc: BaseException) -> None:
        wait_s = next(self._waits)
        self._try_again_at = self._clock() + wait_s
        self._metrics.alone()
        if not self._away:
            cause = exc.__cause__ or exc
            logger.warning("lost redis for the limits; this process limits by itself", error=type(cause).__name__)
        self._away = True

    def _found(self) -> None:
        if self._away:
            logger.info("the limits are shared again")
        self._away = False
        self._waits = backoff(0.5, 8.0)
        self._metrics.shared()


def quota(rate: RateClass) -> Quota:
    """Return a class's rate in the library's terms."""
    per_period = max(1, round(rate.requests_per_second * _PERIOD_S))
    return per_duration(timedelta(seconds=_PERIOD_S), per_period, rate.burst)


def lot_size(rate: RateClass) -> int:
    """Return how many tokens to take at once: a twentieth of the bucket, or less than comes in a quarter second."""
    return max(1, min(1_000, rate.burst // 20, math.floor(rate.requests_per_second / 4)))


class _Backend(RedisStoreBackend):
    """The library's, on a client of ours: with its deadlines, and without a retry."""

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._client = redis  # type: ignore[assignment]  # its protocol knows of str and int alone


class _OnClient(RedisStore):
    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._backend = _Backend(redis)
