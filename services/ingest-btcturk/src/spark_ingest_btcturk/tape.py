"""One symbol's trades, each once and in order, whatever became of the socket, the process or the lease in between.

A trade's id orders and identifies it within its pair, but steps of more than 1 are normal, so ids do not show a loss.
What does is the list of the last 50 trades that the venue sends once on each join (421), before the single ones (422):
list and singles together are without a hole from the list's oldest trade on. So if the list reaches back to a trade
that is known, the rest of it is the back-fill; if it does not, something may lie in between, and that is a gap. Rows
count in the order of the list: after a restart of the ids, neither ids nor times alone would give it.

Such a gap runs between trades, by the venue's clock: from the last one known to the oldest one listed. Our own clock
would only say when we were told, and how long the trades channel was mute before the socket was lost is not known. The
number lost is not known either (``lost`` is None): the ids in between are no more than an upper bound.

A late trade (its id below one that came before) is real, so it is published, out of order. It becomes the mark too: a
successor that was told the same trades in another order then repeats one.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from spark_ingest_btcturk.frames import VENUE
from spark_ingest_btcturk.received import TradeRow
from spark_market.instruments import Mode
from spark_market.messages import Gap, Side, Trade

LIST_LENGTH: Final = 50  # a list that is shorter has all the trades the venue remembers
HOLD_S: Final = 5.0  # lists were seen to follow a join within 1.3 s
_HELD: Final = 256
_KEPT: Final = 64  # more than one list, for a successor
_REMEMBERED: Final = 256  # ids, to tell a late trade from a repeated one


class ToPublish(NamedTuple):
    """What goes to the bus now: the gap first, then the trades in order.

    ``live`` is False when they waited, in a list or with us: their age says nothing of the feed's latency.
    """

    gap: Gap | None = None
    trades: tuple[Trade, ...] = ()
    live: bool = False


NOTHING: Final = ToPublish()


class _Mark(NamedTuple):
    number: int
    venue_time: int


_Placed: TypeAlias = TradeRow | _Mark


class _Entry(NamedTuple):
    """A trade, a gap (which has no mark), or a trade that another process published (which has no message)."""

    mark: _Mark | None
    message: Trade | Gap | None


class Tape:
    """The trades of one symbol. It stands by, knowing all and publishing nothing, until it is told to resume.

    Counted in ``counts``: ``duplicate`` (a 422 of a known trade, dropped), ``late``, ``stale`` (a 422 from before
    all that is remembered: it cannot be told from a duplicate, and is dropped), ``backfilled`` (learnt from a list).
    """

    def __init__(self, symbol: str, *, mode: Mode, counts: Counter[str], zero_is: Side = Side.BUY) -> None:
        """``zero_is`` is the aggressor of the venue's side 0: a buyer by its documentation, which is disputed."""
        self._symbol = symbol
        self._mode = mode
        self._counts = counts
        self._sides = {0: zero_is, 1: Side.SELL if zero_is is Side.BUY else Side.BUY}
        self._edge: _Mark | None = None  # the newest trade
        self._seen: dict[int, int] = {}  # venue times by number, oldest known first
        self._floor = 0  # of numbers up to here nothing is known
        self._log: deque[_Entry] = deque(maxlen=_KEPT)
        self._news: list[Trade | Gap] = []
        self._publishing = False
        self._waiting = True  # for the list of the present join
        self._cause: str | None = None  # of the break that the list is to heal
        self._since = 0
        self._begun: int | None = None  # when the first list came
        self._held: list[tuple[TradeRow, int]] = []
        self._held_since: float | None = None

    def listed(self, rows: Sequence[TradeRow], received_at: int, unread: int = 0) -> ToPublish:
        """Take a 421, ``rows`` oldest first as the venue has them: what is new in it, and what was held back for it.

        ``unread`` more could not be read. Each may be a trade that nobody has, so after a break that is a gap.
        """
        held = {row.number for row, _ in self._held}
        merged = _merged([(row, received_at) for row in rows], self._held)
        known = [at for at, (row, _) in enumerate(merged) if self._knows(row)]
        if unread and self._edge is not None and self._cause is not None:
            self._disclose(self._edge.venue_time, rows[-1].venue_time if rows else received_at, "malformed")
        elif not known:
            self._disclose_unless_joined(rows[0] if rows else None, len(rows), received_at)
        first, last = (known[0], known[-1]) if known else (0, -1)
        for at, (row, at_ms) in enumerate(merged):
            # What the list has between two known trades we missed; what it has before all of them we never promised.
            if at < first and row.number not in held:
                continue
            placed = self._place(row, at_ms) if at > last else self._place_late(row, at_ms)
            if placed in ("new", "late") and row.number not in held:
                self._counts["backfilled"] += 1
        if self._begun is None:
            self._begun = received_at
        self._proven()
        return self._told(live=False)

    def traded(self, row: TradeRow, received_at: int) -> ToPublish:
        """Take a 422. One that outruns the list of its join is held back until that has come."""
        if self._waiting and not self._knows(row):
            self._held.append((row, received_at))
            return self._release() if len(self._held) >= _HELD else NOTHING
        self._take(row, received_at)
        return self._told(live=True)

    def overdue(self, now: float) -> ToPublish:
        """Give up waiting for a list after 5 s (``now`` is monotonic): publish what was held back, after a gap."""
        if not self._held:
            return NOTHING
        if self._held_since is None:
            self._held_since = now
        return self._release() if now - self._held_since >= HOLD_S else NOTHING

    def interrupted(self, cause: str, since: int) -> ToPublish:
        """The subscription is lost or joined anew: nothing is proven until the next list.

        ``since`` (ms) is when it was last well; it begins the gap only if there never was a trade that could. What was
        held back for a list that will not come now is published.
        """
        released = self._release() if self._held else NOTHING
        if self._cause is None:  # else a second break before any list: the first one's beginning and cause stand
            self._cause, self._since = cause, since
        self._waiting = True
        return released

    def resume(self, mark: str | None, cause: str = "start") -> ToPublish:
        """The lease is ours: publish from now on, and now what is known after ``mark``, the bus's last trade.

        ``mark`` is ``<id> <venue_time>``; None when the bus has no trade of this symbol. ``cause`` is that of the gap,
        should there be one: at once, or with the first list when there was none yet. Raises ValueError for a bad mark.
        """
        self._publishing = True
        if mark is None:
            return _published([entry.message for entry in self._log])
        known_to_bus = _parsed(mark)
        at = next((at for at, entry in enumerate(self._log) if entry.mark == known_to_bus), None)
        if at is not None:
            return _published([entry.message for entry in self._log][at + 1 :])
        if self._edge is None:
            hole = None if self._begun is None else self._gap(known_to_bus.venue_time, self._begun, cause)
            self._adopt(known_to_bus, cause)
            return ToPublish(hole)
        if known_to_bus[::-1] > self._edge[::-1]:  # by time, then number: it was published before we were even told
            self._adopt(known_to_bus, cause)
            return NOTHING
        return self._overlooked(known_to_bus, cause)

    def stand_by(self) -> None:
        """The lease is lost: know all, publish nothing."""
        self._publishing = False

    def _overlooked(self, mark: _Mark, cause: str) -> ToPublish:
        """Return what is known after a mark that is older than the kept trades, or is none of them."""
        oldest = next((entry.mark for entry in self._log if entry.mark is not None), None)
        messages = [entry.message for entry in self._log if entry.mark is None or _follows(entry.mark, mark)]
        if oldest is not None and not _reaches(oldest, mark):
            messages.insert(0, self._gap(mark.venue_time, oldest.venue_time, cause))
        return _published(messages)

    def _adopt(self, mark: _Mark, cause: str) -> None:
        """Begin at a trade that another process published, along with all before it."""
        self._edge, self._seen, self._floor = mark, {mark.number: mark.venue_time}, mark.number
        self._log.clear()
        self._log.append(_Entry(mark, None))
        if self._waiting and (self._cause is None or self._begun is None):
            self._cause = cause

    def _disclose_unless_joined(self, first: TradeRow | None, length: int, received_at: int) -> None:
        """Nothing listed is known: find out whether something may lie between what is known and the list."""
        edge, cause = self._edge, self._cause or "missed"
        to = received_at if first is None else first.venue_time
        if edge is None:
            # Nothing was ever traded, as far as we know: of a first list all is history, of a later one all is new.
            if self._begun is not None and self._cause is not None and length >= LIST_LENGTH:
                self._disclose(self._since, to, cause)
        elif first is None or (first.number > edge.number and not _reaches(first, edge)):
            self._disclose(edge.venue_time, to, cause)

    def _release(self) -> ToPublish:
        """Publish what was held back although its list is missing: what came before it may be, too."""
        held = _merged([], self._held)
        first, _ = held[0]
        if self._edge is None:
            if self._begun is not None and self._cause is not None:
                self._disclose(self._since, first.venue_time, self._cause)
        elif not _reaches(first, self._edge):
            self._disclose(self._edge.venue_time, first.venue_time, self._cause or "missed")
        for row, received_at in held:
            self._take(row, received_at)
        self._proven()
        return self._told(live=False)

    def _proven(self) -> None:
        self._waiting, self._cause, self._held, self._held_since = False, None, [], None

    def _take(self, row: TradeRow, received_at: int) -> None:
        placed = self._place(row, received_at)
        if placed in ("duplicate", "stale"):
            self._counts[placed] += 1

    def _place(self, row: TradeRow, received_at: int) -> str:
        """Put a trade in its place and return which that is: ``new``, ``late``, ``duplicate`` or ``stale``."""
        edge = self._edge
        if self._knows(row):
            return "duplicate"
        if edge is None:
            self._floor = row.number - 1
        elif row.number <= edge.number:
            if row.venue_time <= edge.venue_time:
                return self._place_late(row, received_at)
            self._disclose(edge.venue_time, row.venue_time, "id_restart")  # a lower id at a later time
            self._floor = row.number - 1
        self._edge = _Mark(row.number, row.venue_time)
        self._add(row, received_at)
        return "new"

    def _place_late(self, row: TradeRow, received_at: int) -> str:
        if row.number <= self._floor or row.number in self._seen:
            return "stale"
        self._counts["late"] += 1
        self._add(row, received_at)
        return "late"

    def _knows(self, row: TradeRow) -> bool:
        """A number alone does not identify a trade: after a restart of the ids it may come again."""
        return self._seen.get(row.number) == row.venue_time

    def _add(self, row: TradeRow, received_at: int) -> None:
        self._seen[row.number] = row.venue_time
        if len(self._seen) > _REMEMBERED:
            forgotten = next(iter(self._seen))
            del self._seen[forgotten]
            if self._edge is not None and forgotten < self._edge.number:  # else it is from before a restart of the ids
                self._floor = max(self._floor, forgotten)
        trade = Trade(
            venue=VENUE,
            symbol=self._symbol,
            mode=self._mode,
            id=row.id,
            price=row.price,
            size=row.size,
            side=None if row.code is None else self._sides.get(row.code),
            venue_time=row.venue_time,
            received_at=received_at,
        )
        self._log.append(_Entry(_Mark(row.number, row.venue_time), trade))
        self._news.append(trade)

    def _gap(self, from_: int, to: int, cause: str) -> Gap:
        return Gap(venue=VENUE, channel="trade", symbol=self._symbol, from_=min(from_, to), to=to, cause=cause)

    def _disclose(self, from_: int, to: int, cause: str) -> None:
        gap = self._gap(from_, to, cause)
        self._log.append(_Entry(None, gap))
        self._news.append(gap)

    def _told(self, *, live: bool) -> ToPublish:
        news, self._news = self._news, []
        return _published(news, live=live) if news and self._publishing else NOTHING


def _parsed(mark: str) -> _Mark:
    number, _, venue_time = mark.partition(" ")
    try:
        return _Mark(int(number), int(venue_time))
    except ValueError as exc:
        raise ValueError(f"not the mark of a trade: {mark!r}") from exc


def _merged(rows: list[tuple[TradeRow, int]], held: list[tuple[TradeRow, int]]) -> list[tuple[TradeRow, int]]:
    """Put each held trade that ``rows`` lacks where its number and its time belong; all are in order already."""
    merged = list(rows)
    there = {(row.number, row.venue_time) for row, _ in rows}
    for row, received_at in held:
        if (row.number, row.venue_time) in there:
            continue
        there.add((row.number, row.venue_time))
        at = len(merged)
        while at and merged[at - 1][0].number > row.number and merged[at - 1][0].venue_time >= row.venue_time:
            at -= 1
        merged.insert(at, (row, received_at))
    return merged


def _follows(row: _Placed, other: _Placed) -> bool:
    """Whether ``row`` is certainly the newer: by its number or, after a restart of the ids, by its time."""
    return row.number > other.number or row.venue_time > other.venue_time


def _reaches(first: _Placed, last: _Placed) -> bool:
    """Whether trades without a hole from ``first`` on leave none after ``last``: it is older, or the very next."""
    return first.number == last.number + 1 or not _follows(first, last)


def _published(messages: Sequence[Trade | Gap | None], *, live: bool = False) -> ToPublish:
    """All gaps as one, in front: it begins where the first begins and ends where the last ends."""
    trades = tuple(message for message in messages if isinstance(message, Trade))
    gaps = [message for message in messages if isinstance(message, Gap)]
    if not gaps:
        return ToPublish(None, trades, live)
    first = gaps[0]
    gap = Gap(
        venue=first.venue,
        channel=first.channel,
        symbol=first.symbol,
        from_=min(gap.from_ for gap in gaps),
        to=max(gap.to for gap in gaps),
        cause=first.cause,
    )
    return ToPublish(gap, trades, live)
