"""The judgement of a venue: from all that is known of it now to one status, with the reason. No I/O and no clock."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from spark_market.instruments import Mode
from spark_market.messages import Heartbeat, Status
from spark_monitor.hours import ALWAYS, Moment

SILENT_AFTER_S: Final = 5.0
"""An ingest beats every second: without a heartbeat for so long there is none."""
_MOST_NAMED: Final = 5
_INTERVALS: Final = 3
"""Of a source that is asked, one answer may be missed and the next one late."""
_TICKER: Final = "ticker"


@dataclass(frozen=True, kw_only=True)
class VenueState:
    """What is known of a venue at one moment.

    ``watched_s`` is for how long the bus has been readable without a break, ``silence_s`` the time since the last
    heartbeat, ``staleness_s`` the time since the venue's last word; None is never. ``heartbeat_at`` (the bus's clock)
    and ``last_word_at`` (the ingest's), in ms, are only told, not calculated with. ``connected_since``, ``heard``
    (``channel:symbol`` to ms) and the heartbeat's ``sent_at`` are all of the ingest's clock. While there is no
    connection ``connected_since`` is the last one's. ``polled`` says that tickers are fetched, since no socket can be
    had; ``sockets`` is how many there are, and how many there should be. ``poll_interval_s`` is how often a source that
    wants to be asked is, else 0. ``market`` is what time it is for the market.
    """

    watched_s: float
    heartbeat: Heartbeat | None = None
    heartbeat_at: int | None = None
    silence_s: float | None = None
    staleness_s: float | None = None
    last_word_at: int | None = None
    connected_since: int | None = None
    unproven: tuple[str, ...] = ()
    heard: Mapping[str, int] = field(default_factory=dict)
    polled: bool = False
    sockets: tuple[int, int] = (0, 0)
    poll_interval_s: float = 0.0
    market: Moment = ALWAYS


@dataclass(frozen=True)
class Instruments:
    """Those subscribed to, by their tickers: a pair may trade once an hour, and a quiet book says nothing.

    ``mute`` maps to when one was last heard; ``never`` are those of which this connection has brought no ticker.
    """

    fresh: int
    mute: Mapping[str, int]
    never: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """What to think of a venue, and why."""

    status: Status
    reason: str
    instruments: Instruments


def judge(state: VenueState, target_s: float) -> Judgement | None:
    """Return the first status that holds; None while too little has been seen to tell."""
    heartbeat = state.heartbeat
    lately = state.silence_s is not None and state.silence_s <= state.watched_s
    if not lately and state.watched_s < SILENT_AFTER_S:
        return None  # we have just begun to look, or to look again: a living ingest is heard in a moment
    if heartbeat is None or state.silence_s is None:
        return _down(state, "no ingest: no heartbeat has come yet")
    if not lately or state.silence_s >= SILENT_AFTER_S:
        return _down(state, f"no ingest: no heartbeat since {_utc(state.heartbeat_at)}")
    if not heartbeat.connected:
        return _down(state, f"not connected to the venue; {_last_word(state)}")
    if state.market.shows_closed:
        return Judgement(Status.CLOSED, _closed(state.market), _sorted(state, heartbeat.sent_at, target_s))

    target_s = max(target_s, _INTERVALS * state.poll_interval_s)
    connected_s = 0.0 if state.connected_since is None else (heartbeat.sent_at - state.connected_since) / 1000
    waited_s = state.market.overdue_s(connected_s)
    if state.staleness_s is None and waited_s <= target_s:
        # Only data proves a connection, and for STALE it is too early.
        return _down(state, f"connected at {_utc(state.connected_since)}, but {_last_word(state)}")
    instruments = _sorted(state, heartbeat.sent_at, target_s)
    if state.staleness_s is None or state.market.overdue_s(state.staleness_s) > target_s:
        return Judgement(Status.STALE, f"connected, but {_last_word(state)}", instruments)
    overdue = tuple(sorted(state.unproven)) if waited_s > target_s else ()
    if state.polled or instruments.mute or overdue:
        return Judgement(Status.DEGRADED, _troubles(state, instruments.mute, overdue), instruments)
    if heartbeat.mode is Mode.MOCK:
        return Judgement(Status.MOCK, "simulated data", instruments)
    return Judgement(Status.UP, f"{heartbeat.mode.value} data{_late(state.market)}", instruments)


def _down(state: VenueState, reason: str) -> Judgement:
    last_heard = dict(sorted(_heard(state, since_ms=float("inf")).items()))
    return Judgement(Status.DOWN, reason, Instruments(0, last_heard, _never(state)))


def _sorted(state: VenueState, now_ms: int, target_s: float) -> Instruments:
    """Tell the fresh from the mute. What was not heard on this connection is unproven, or not subscribed any more."""
    last_heard = _heard(state, since_ms=now_ms - target_s * 1000)
    overdue = {at for at in set(last_heard.values()) if _overdue_s(state, now_ms, at, target_s) > target_s}
    mute = {symbol: at for symbol, at in sorted(last_heard.items()) if at in overdue}
    return Instruments(len(last_heard) - len(mute), mute, _never(state))


def _heard(state: VenueState, since_ms: float) -> dict[str, int]:
    """Return when each symbol was last heard on this connection; since ``since_ms`` where there never was one."""
    first = since_ms if state.connected_since is None else state.connected_since
    return {symbol: at for symbol, at in _tickers(state.heard) if at >= first}


def _overdue_s(state: VenueState, now_ms: int, heard_at: int, target_s: float) -> float:
    silence_s = (now_ms - heard_at) / 1000
    return silence_s if silence_s <= target_s else state.market.overdue_s(silence_s)


def _never(state: VenueState) -> tuple[str, ...]:
    return tuple(sorted(symbol for channel, _, symbol in map(_parted, state.unproven) if channel == _TICKER))


def _tickers(heard: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for subscription, at in heard.items():
        channel, _, symbol = _parted(subscription)
        if channel == _TICKER:
            yield symbol, at


def _parted(subscription: str) -> tuple[str, str, str]:
    return subscription.partition(":")


def _troubles(state: VenueState, mute: Mapping[str, int], overdue: tuple[str, ...]) -> str:
    reasons = []
    if state.polled:
        connected, wanted = state.sockets
        reasons.append(f"no WebSocket can be had ({connected} of {wanted}): tickers are polled by REST")
    if mute:
        reasons.append("mute: " + _named(f"{symbol} since {_utc(at)}" for symbol, at in mute.items()))
    if overdue:
        reasons.append(f"not heard since connecting at {_utc(state.connected_since)}: {_named(overdue)}")
    return "; ".join(reasons)


def _named(parts: Iterable[str]) -> str:
    named = list(parts)
    more = len(named) - _MOST_NAMED
    return ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _closed(market: Moment) -> str:
    if not market.opening:
        return "closed"
    guessed = "" if market.calendar.knows(market.now_ms) else "; a guess, as the calendar does not reach so far"
    return f"closed until {market.opening}{guessed}"


def _late(market: Moment) -> str:
    return f", {market.delay_ms / 60_000:g} min late by the source's own word" if market.delay_ms else ""


def _last_word(state: VenueState) -> str:
    if state.last_word_at is None:
        return "the venue has not said anything yet"
    nothing = "none of its prices has moved" if state.poll_interval_s else "the venue has said nothing"
    return f"{nothing} since {_utc(state.last_word_at)}"


def _utc(ms: int | None) -> str:
    if ms is None:
        return "an unknown time"
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):  # another's clock gone mad must not take the verdict with it
        return f"{ms} ms"
