"""A source that is asked, and whose sockets may tell of the same sooner: what they do or fail to do changes nothing
else, so that one which never says a word costs a line in the log now and then."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol

import structlog

from spark_ingest_bist.poller import Poller
from spark_ingest_bist.push import PushSession, Waits
from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Refused
from spark_ingest_bist.schedule import Schedule, Window
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.sources import Endpoint, PushProtocol
from spark_ingest_bist.times import Times
from spark_service.backoff import backoff
from spark_service.lifecycle import run_together

_IDLE_S: Final = 300.0
_NAP_S: Final = 300.0
_WAITS: Final = Waits(lost=lambda: backoff(5.0, 900.0))

logger = structlog.get_logger()


class BoundedPushProtocol(PushProtocol, Protocol):
    """One whose connections take no more than so many symbols."""

    most_symbols: int


class Beside:
    """Implements `Session` by what the poller says."""

    kind: Literal["poll", "websocket"] = "poll"
    sockets = (0, 0)

    def __init__(
        self, poller: Poller, endpoint: Endpoint, protocol: Callable[[], BoundedPushProtocol], wiring: Wiring
    ) -> None:
        self._poller = poller
        most = protocol().most_symbols
        symbols = tuple(wiring.symbols)
        self._pushes = [
            PushSession(
                endpoint,
                protocol,
                _given(symbols[at : at + most]),
                listener=_Sooner(wiring),
                hours=_LiveHours(wiring.schedule, wiring.times),
                idle_s=_IDLE_S,
                waits=_WAITS,
            )
            for at in range(0, len(symbols), most)
        ]

    @property
    def connected_since(self) -> int | None:
        """Since when (ms UTC, wall) the source answers."""
        return self._poller.connected_since

    @property
    def trouble(self) -> str | None:
        """What the last request failed with."""
        return self._poller.trouble

    def missing(self) -> list[str]:
        """Return which wanted symbols the source does not seem to have."""
        return self._poller.missing()

    def never_had(self) -> set[str]:
        """Return those of them that it never had."""
        return self._poller.never_had()

    async def run(self) -> None:
        """Ask and listen until cancelled."""
        await run_together([self._poller.run(), *(push.run() for push in self._pushes)])


def _given(symbols: Sequence[str]) -> Callable[[], Sequence[str]]:
    return lambda: symbols


class _Sooner:
    """Publishes what a socket brings. A lost one leaves no hole: the source is asked all the while."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def take(self, answer: Answer, received_at: int) -> None:
        wiring = self._wiring
        if answer.quotes:
            symbols = {quote.symbol for quote in answer.quotes}  # of the others it has not said anything
            wiring.market.take(answer, symbols, wiring.times.at(received_at), sooner=True)
        else:
            wiring.metrics.row("ignored", answer.ignored)
            wiring.market.malformed(answer.malformed)

    def malformed(self, exc: MalformedAnswer) -> None:
        self._wiring.market.malformed([Malformed(exc.error, exc.detail)])

    def refused(self, exc: Refused) -> None:
        logger.warning("the stream beside the polls is refused", error=exc.error, detail=exc.detail[:200])

    def connected(self) -> None:
        self._wiring.metrics.stream("connected")

    def lost(self, cause: str) -> None:
        self._wiring.metrics.stream(cause)


class _LiveHours:
    """Only while the day's data can change: the rounds that are owed besides are the poller's."""

    def __init__(self, schedule: Schedule, times: Times) -> None:
        self._schedule = schedule
        self._clock = times.market

    def open(self) -> bool:
        return self._schedule.window(self._clock.now_ms()) is Window.LIVE

    def expected(self) -> bool:
        return self._schedule.expected(self._clock.now_ms())

    async def opened(self) -> None:
        while not self.open():
            now_ms = self._clock.now_ms()
            session = self._schedule.calendar.session(now_ms)
            left_s = _NAP_S if session is None else (session.opens_at - now_ms) / 1000
            await self._clock.sleep(min(left_s if left_s > 0 else 1.0, _NAP_S))  # a clock may be set
