"""A source that is asked: one request after the other, when the schedule, the pace and the source's patience allow."""

import random
import time
from collections.abc import Callable
from typing import Final, Literal

import httpx
import structlog

from spark_ingest.fetching import TooLarge, asked_wait_s, exchange
from spark_ingest_bist.doubts import Batch, Round
from spark_ingest_bist.holes import Moment
from spark_ingest_bist.marketdata import FEW
from spark_ingest_bist.pace import MOST_ASKED_S, Budget, Holds, Pace
from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Refused
from spark_ingest_bist.roster import Roster
from spark_ingest_bist.schedule import Window
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.sources import PollProtocol

LARGEST: Final = 4 * 2**20
"""In bytes. A larger answer is none."""
_LONGEST_S: Final = 10.0
_PIECES_APART_S: Final = 2.0
_NAP_S: Final = 300.0
_START_S: Final = 4.0
"""A start holds its first request back so long. What was sent before is not known to it: so one who is started again
and again, or takes over, still sends no more than 900 an hour."""
_WHOLE: Final = ("unknown", "rejected")
"""What one symbol may bring upon all that it is named with."""

logger = structlog.get_logger()


class Failed(Exception):
    """A request brought nothing. ``outcome`` is what it counts as, ``cause`` that or the name of what is broken."""

    def __init__(self, outcome: str, cause: str, detail: str, asked_s: float = 0.0) -> None:
        super().__init__(f"{cause}: {detail}")
        self.outcome = outcome
        self.cause = cause
        self.detail = detail
        self.asked_s = asked_s


class Poller:
    """Times within are seconds and ms of the market's clock, except for a request's own deadline."""

    kind: Literal["poll", "websocket"] = "poll"
    sockets = (0, 0)

    def __init__(
        self,
        protocol: PollProtocol,
        wiring: Wiring,
        *,
        every_s: float,
        most_per_hour: int | None,
        pulse: str | None = None,
        within_s: float = _LONGEST_S,
        rand: Callable[[], float] = random.random,
    ) -> None:
        """``within_s`` is how long an answer may take."""
        self._protocol = protocol
        self._within_s = within_s
        self._market = wiring.market
        self._schedule = wiring.schedule
        self._metrics = wiring.metrics
        self._times = wiring.times
        self._clock = wiring.times.market
        self._transport = wiring.transport
        self._roster = Roster(wiring.symbols, protocol.most_symbols, pulse)
        self._pace = Pace(every_s, most_per_hour, rand)
        self._budget = Budget(most_per_hour)
        self._holds = Holds(rand)
        self._good: Moment | None = None
        self._since: int | None = None
        self._left: list[Batch] = []  # what a round has not brought
        self._next_round = self._last_request = self._started = float("-inf")
        self._hold_back_s = min(_START_S, every_s)
        self.trouble: str | None = None
        self._requests = len(self._roster.batches())
        self._tell_interval()

    @property
    def connected_since(self) -> int | None:
        """Since when (ms UTC, wall) the source answers; None while it does not, or was not asked when it should be."""
        return self._since if self._connected() else None

    def _connected(self) -> bool:
        if self._good is None:
            return False
        now_ms = self._clock.now_ms()
        # How long ago by what nothing sets back: a wall clock that was would hide an outage.
        ago_ms = int((self._times.wall.monotonic() - self._good.monotonic) * 1000 * self._times.speed)
        if self._schedule.open_ms(now_ms - ago_ms, now_ms) > FEW * self._interval_s * 1000:
            return False
        return self.trouble is None or self._schedule.window(now_ms) is Window.LIVE

    def missing(self) -> list[str]:
        """Return which wanted symbols the source does not seem to have."""
        return self._roster.missing()

    def never_had(self) -> set[str]:
        """Return those of them that it never had."""
        return self._roster.never_had()

    @property
    def _interval_s(self) -> float:
        return self._pace.interval_s(self._requests)

    def _tell_interval(self) -> None:
        self._market.interval_ms = self._interval_s * 1000
        self._metrics.pace(
            used=self._budget.used(self._clock.monotonic()),
            backoff=self._holds.active,
            interval_s=self._interval_s / self._times.speed,
        )

    async def run(self) -> None:
        """Ask until cancelled."""
        self._schedule.start_over()
        self._started = self._clock.monotonic()
        timeout = httpx.Timeout(self._within_s)
        async with httpx.AsyncClient(transport=self._transport, timeout=timeout) as client:
            while True:
                now_ms = self._clock.now_ms()
                wait_s = (self._schedule.next_ms(now_ms) - now_ms) / 1000
                if wait_s <= 0 and self._schedule.window(now_ms) is Window.LIVE:
                    wait_s = self._next_round - self._clock.monotonic()
                if wait_s > 0:
                    await self._clock.sleep(min(wait_s, _NAP_S))
                else:
                    await self._ask_round(client)

    async def _ask_round(self, client: httpx.AsyncClient) -> None:
        began, began_ms = self._clock.monotonic(), self._clock.now_ms()
        window = self._schedule.window(began_ms)
        batches = self._roster.batches()
        self._requests = max(1, len(batches))
        self._next_round = began + self._interval_s
        self._tell_interval()
        if window is Window.OWED and self._left:
            batches = self._left
        self._left = []
        retries = self._roster.retries(began) if window is Window.LIVE else []
        asking = Round([*batches, *retries], self._roster.canary)
        number = 0
        while (batch := asking.next()) is not None:
            piece = number >= self._requests
            due = began if piece else began + self._pace.slot_s(number, self._requests)
            apart_s = self._pace.apart_s(self._requests)
            await self._until(max(due, self._last_request + (min(apart_s, _PIECES_APART_S) if piece else apart_s)))
            if self._schedule.window(self._clock.now_ms()) is not window:
                return
            number += 1
            try:
                answer = await self._ask(client, batch)
            except Failed as exc:
                self._take_failure(exc, batch, asking)
            else:
                self._take_answer(answer, batch, asking)
        if not self._left:
            self._schedule.completed(began_ms)
        elif window is Window.OWED:
            self._schedule.put_off(self._clock.now_ms())

    async def _until(self, at: float) -> None:
        """Wait until a request may be sent, ``at`` or later."""
        while True:
            now = self._clock.monotonic()
            begin = self._started + self._hold_back_s
            wait_s = max(at - now, begin - now, self._holds.until - now, self._budget.wait_s(now))
            if wait_s <= 0:
                return
            await self._clock.sleep(min(wait_s, _NAP_S))

    async def _ask(self, client: httpx.AsyncClient, batch: Batch) -> Answer:
        """Return what the source says of ``batch``. Raises Failed."""
        self._last_request = self._clock.monotonic()
        self._budget.spend(self._last_request)
        sent = time.monotonic()
        outcome = "ok"
        try:
            return await self._answer(client, batch)
        except Failed as exc:
            outcome = exc.outcome
            raise
        finally:
            self._metrics.asked(outcome, time.monotonic() - sent)

    async def _answer(self, client: httpx.AsyncClient, batch: Batch) -> Answer:
        asked = self._protocol.request(batch)
        asked_s = 0.0
        try:
            request = client.build_request(asked.method, asked.url, headers=dict(asked.headers), content=asked.body)
            response, body = await exchange(
                client, request, within_s=min(self._within_s, self._interval_s * 2 / 3), most_bytes=LARGEST
            )
            asked_s = asked_wait_s(response, MOST_ASKED_S)
            answer = self._protocol.read(response.status_code, body, batch, self._times.wall.now_ms())
        except Refused as exc:
            raise Failed(exc.error, exc.error, exc.detail, asked_s) from exc
        except MalformedAnswer as exc:
            self._market.malformed([Malformed(exc.error, exc.detail)])
            raise Failed("malformed", exc.error, exc.detail, asked_s) from exc
        except TooLarge as exc:
            raise Failed("too_large", "too_large", str(exc)) from exc
        except httpx.TimeoutException as exc:
            raise Failed("timeout", "timeout", type(exc).__name__) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise Failed("network", "network", type(exc).__name__) from exc  # its text may hold the address
        if not answer.quotes and len(answer.unknown) == len(batch):
            raise Failed("unknown", "unknown", "the source does not have it")
        if not answer.quotes and (answer.malformed or self._roster.known(batch)):
            self._market.malformed(answer.malformed)
            raise Failed("malformed" if answer.malformed else "empty", "empty", "no row that can be used")
        return answer

    def _take_failure(self, exc: Failed, batch: Batch, asking: Round) -> None:
        self._market.failed(batch, exc.cause)
        if exc.outcome in _WHOLE and asking.refused(batch):
            return
        self._left = self._roster.batches() if exc.outcome in _WHOLE else [*self._left, batch]
        wait_s = self._holds.failed(exc.outcome, self._clock.monotonic(), exc.asked_s)
        if self.trouble != exc.cause:
            tell = logger.error if exc.outcome == "forbidden" else logger.warning
            tell(_ADVICE.get(exc.outcome, "the source fails"), error=exc.cause, detail=exc.detail[:200],
                 retry_in_s=round(wait_s, 1))  # fmt: skip
        self.trouble = exc.cause
        self._tell_interval()

    def _take_answer(self, answer: Answer, batch: Batch, asking: Round) -> None:
        at = self._times.now()
        if not self._connected():
            self._since = at.wall_ms
        if self.trouble is not None:
            logger.info("the source answers again", after=self.trouble)
        self.trouble, self._good = None, at
        self._holds.succeeded()
        self._set_aside([*asking.answered(), *answer.unknown])
        back = self._roster.heard([quote.symbol for quote in answer.quotes if quote.symbol in batch])
        if back:
            logger.info("the source has these now", symbols=back)
        if silent := self._roster.absent(answer.absent):
            _complain(silent)
        self._market.take(answer, batch, at)
        self._tell_interval()

    def _set_aside(self, symbols: list[str]) -> None:
        now = self._clock.monotonic()
        self._market.lacking(symbols, "unknown")
        if new := [symbol for symbol in symbols if self._roster.unknown(symbol, now)]:
            _complain(new)


_ADVICE: Final = {
    "forbidden": "the source refuses this address, key or contract; nothing is asked for a while. Look at "
    "SPARK_BIST_SECRET and at what you are licensed for",
    "limited": "the source says that it is asked too often; it is asked less",
}


def _complain(symbols: list[str]) -> None:
    logger.error("the source does not have these; look at SPARK_BIST_SYMBOLS. They are tried again", symbols=symbols)
