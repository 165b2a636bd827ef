"""What the source tells, as the bus has it: rows to ticks, and the holes in between disclosed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import structlog

from spark_bus.publisher import Claim, Outgoing, outgoing
from spark_ingest.setback import redated
from spark_ingest_bist.directory import Directory
from spark_ingest_bist.holes import Hole, Holes, Moment
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.quotes import VENUE, Answer, Malformed, Quote
from spark_ingest_bist.rows import FUTURE_MS, Rows, Verdict
from spark_ingest_bist.schedule import Schedule
from spark_ingest_bist.times import Times
from spark_market.instruments import Mode
from spark_market.messages import Gap, Ticker
from spark_market.sessions.phases import day_number

TICKER: Final = "ticker"
FEW: Final = 3.5
"""So many intervals without an answer, and the source counts as lost: two that fail are borne, and the jitter."""

_DISBELIEVED: Final = frozenset({Verdict.LATE, Verdict.FUTURE})

logger = structlog.get_logger()

Put = Callable[[Iterable[Outgoing]], None]


class MarketData:
    """Fed by a session, for one term as the venue's writer after the other.

    A `Session` calls `take` with all that comes, `failed` for a question without an answer, and `interrupted` when a
    connection that would have brought everything is gone.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        mode: Mode,
        schedule: Schedule,
        directory: Directory,
        metrics: IngestMetrics,
        times: Times,
    ) -> None:
        self._wanted = frozenset(symbols)
        self._mode = mode
        self._schedule = schedule
        self._directory = directory
        self._metrics = metrics
        self._times = times
        self._rows: dict[str, Rows] = {}
        self._seen: set[str] = set()  # of which this term had a row
        self._holes = Holes(schedule.open_ms)
        self._put: Put | None = None
        self._reported: set[tuple[str, str | None]] = set()
        # Of each symbol what the last answer with it declared. The longest counts: by a shorter one the day would end
        # before the last prices of the others, and these would be called fresher than they are.
        self._declared_ms = dict.fromkeys(symbols, schedule.delay_ms)
        self.interval_ms: float = 0.0
        """How often each symbol is asked for, ms of the market's clock; 0 while the source sends by itself."""
        self.heard: dict[str, int] = {}
        """By ``channel:symbol``, when the source last had a row of it that can be believed (ms UTC, wall)."""
        self.moved: Moment | None = None
        """When any row last moved, None before the first."""

    def lead(self, claim: Claim, put: Put, cause: str) -> None:
        """Publish from now on; what whoever wrote before has published is in ``claim``."""
        self._put = put
        self._rows, self._seen = {}, set()
        self._reported.clear()
        self._recall(claim.tickers.values())
        since = _known_until(claim, max(self.interval_ms / self._times.speed, 60_000))
        hole = None if since is None else Hole(None, since, cause)
        self._holes = Holes(self._schedule.open_ms, hole, None if since is None else self._times.at(since))

    def _recall(self, tickers: Iterable[Ticker]) -> None:
        """Go on from what is published: what repeats is no tick, and what was late is late over a restart too."""
        for ticker in tickers:
            told = self._times.at(ticker.received_at)
            if ticker.symbol not in self._wanted or ticker.mode is not self._mode:
                continue
            if ticker.venue_time is not None and ticker.venue_time > told.market_ms + FUTURE_MS:
                continue  # the simulated market's clock was set back since: by it this is yet to come
            rows = self._rows[ticker.symbol] = Rows(self._mode)
            rows.recall(ticker, self._shown_day(told.market_ms))
            self._note_move(ticker.venue_time, told)

    def stand_by(self) -> None:
        """Publish nothing any more."""
        self._put = None

    def clock_set_back(self, back_ms: int, now_ms: int) -> None:
        """The wall clock was set back, and is now there."""
        self.heard = {field: redated(at, back_ms, now_ms) for field, at in self.heard.items()}
        self._holes.set_back(lambda at: self._times.set_back(at, back_ms, now_ms))

    def failed(self, symbols: Collection[str], cause: str) -> None:
        """A question for these was not answered."""
        self._holes.failed(symbols, cause)

    def lacking(self, symbols: Collection[str], cause: str) -> None:
        """The source answered, but has none of these."""
        self._holes.lacking(symbols, cause)

    def interrupted(self, cause: str) -> None:
        """A connection that brought everything is gone."""
        self._holes.interrupted(cause)

    def take(self, answer: Answer, asked: Collection[str], at: Moment, *, sooner: bool = False) -> None:
        """Publish what is new in an answer to a question for ``asked``, which came ``at``.

        ``sooner`` is for what a stream beside the answers tells.
        """
        self._count(answer)
        believed, ticks = [], []
        for quote in answer.quotes:
            if quote.symbol not in asked:
                self._metrics.row("unasked")
                continue
            verdict = self._row(quote, at, sooner=sooner)
            if verdict in _DISBELIEVED:
                continue
            believed.append(quote.symbol)
            tick = self._rows[quote.symbol].ticker
            if verdict is Verdict.CHANGED and tick is not None and quote.symbol in self._wanted:
                ticks.append(tick)
        if answer.delay_ms is not None:
            self._declared_ms |= dict.fromkeys(believed, answer.delay_ms)
            self._schedule.delay_ms = max(self._declared_ms.values())
        # Only of what it had a row that can be believed does the answer tell that nothing is missing.
        for hole in self._holes.answered(believed, at, self._tolerated_ms()):
            self._disclose(hole, at)
        if self._put is not None and ticks:
            self._put(map(outgoing, ticks))

    def _tolerated_ms(self) -> float:
        return FEW * self.interval_ms if self.interval_ms else float("inf")

    def _row(self, quote: Quote, at: Moment, *, sooner: bool) -> Verdict:
        """Take in one row; say what it is."""
        rows = self._rows.get(quote.symbol)
        if rows is None:
            rows = self._rows[quote.symbol] = Rows(self._mode)
        verdict = rows.take(quote, at.wall_ms, at.market_ms, self._shown_day(at.market_ms), sooner=sooner)
        self._metrics.row(verdict.value)
        self._metrics.row("volume_fell", rows.fell)
        if verdict in _DISBELIEVED:
            self._report(verdict.value, quote.symbol, f"its time is {quote.venue_time}, the market's {at.market_ms}")
            self.lacking([quote.symbol], verdict.value)
            return verdict
        known = quote.symbol in self._seen
        self._seen.add(quote.symbol)
        if quote.symbol in self._wanted:
            self.heard[f"{TICKER}:{quote.symbol}"] = at.wall_ms
            if quote.name is not None:
                self._directory.named(quote.symbol, quote.name)
        if verdict is Verdict.UNCHANGED:
            return verdict
        if rows.far:
            self._metrics.row("far")
            self._report("far", quote.symbol, f"{quote.price} is further from the last close than a day's limits")
        self._note_move(None if known else quote.venue_time, at)
        return verdict

    def _shown_day(self, market_ms: int) -> int:
        """Return the day that the source shows then: before its first prices of today that of the session before."""
        day = self._schedule.calendar.last(market_ms - self._schedule.delay_ms)
        return day_number(market_ms) if day is None else day.date.toordinal()

    def _note_move(self, venue_time: int | None, at: Moment) -> None:
        """Note that a row moved: when it was seen to, or before that when its own time says."""
        moved = at
        if venue_time is not None:
            ago_ms = max(0, at.market_ms - self._schedule.delay_ms - venue_time)
            wall_ms = int(ago_ms / self._times.speed)
            moved = Moment(at.wall_ms - wall_ms, at.market_ms - ago_ms, at.monotonic - wall_ms / 1000)
        if self.moved is None or moved.monotonic > self.moved.monotonic:
            self.moved = moved

    def _count(self, answer: Answer) -> None:
        self._metrics.row("ignored", answer.ignored)
        self._metrics.row("absent", len(answer.absent) + len(answer.unknown))
        self.lacking(answer.absent, "absent")
        self.malformed(answer.malformed)

    def malformed(self, found: Iterable[Malformed]) -> None:
        """These could not be read: counted, and each kind told of once for each symbol."""
        rows = tuple(found)
        self._metrics.malformed(rows)
        for one in rows:
            self._report(one.error, one.symbol, one.detail)
            if one.symbol is not None:
                self.lacking([one.symbol], one.error)

    def _report(self, what: str, symbol: str | None, detail: str) -> None:
        if (what, symbol) not in self._reported and len(self._reported) < 1000:
            self._reported.add((what, symbol))
            logger.warning("a row is not as it should be", what=what, symbol=symbol, detail=detail[:200])

    def _disclose(self, hole: Hole, at: Moment) -> None:
        if self._put is None:
            return
        gap = Gap(
            venue=VENUE, channel=TICKER, symbol=hole.symbol, from_=min(hole.since, at.wall_ms), to=at.wall_ms,
            cause=hole.cause,
        )  # fmt: skip
        if hole.symbol is not None and hole.symbol not in self._wanted:
            return
        self._metrics.gap(TICKER, hole.cause)
        logger.warning("gap", channel=TICKER, symbol=hole.symbol, cause=hole.cause, lasted_ms=gap.to - gap.from_)
        self._put([outgoing(gap)])


def _known_until(claim: Claim, round_ms: float) -> int | None:
    """Return up to when (ms UTC) what whoever wrote before has published is whole; None if nobody did.

    That is the beginning of the last round that was heard: who stopped amid one had not yet asked for the others.
    """
    published = claim.last.get(TICKER)
    heard = [at for field, at in claim.heard.items() if field.startswith(f"{TICKER}:")]
    if published is None:
        return None
    newest = max([published, *heard])
    return min(at for at in (published, *heard) if at >= newest - round_ms)
