"""The judgement of a venue: from all that is known of it now to one status, with the reason. No I/O and no clock."""

from dataclasses import dataclass
from typing import Final

from spark_market.instruments import Mode
from spark_market.messages import Heartbeat, Status
from spark_monitor.hours import ALWAYS, Moment
from spark_monitor.standing import NOBODY, Standing, named, utc

SILENT_AFTER_S: Final = 5.0
"""An ingest beats every second: without a heartbeat for so long there is none."""
RECONNECTED_WITHIN_S: Final = 5.0
"""Venues close sockets now and then, and an ingest is back within 3 s: only what lasts is for anybody to act on."""
INTERVALS: Final = 3
"""Of a source that is asked, one answer may be missed and the next one late."""
STORM: Final = "connections are lost again and again: five times or more within five minutes"


@dataclass(frozen=True, kw_only=True)
class VenueState:
    """What is known of a venue at one moment.

    ``watched_s`` is for how long the bus has been readable without a break, ``silence_s`` the time since the last
    heartbeat, ``staleness_s`` the time since the venue's last word; None is never. ``heartbeat_at`` (the bus's clock)
    and ``last_word_at`` (the ingest's), in ms, are only told, not calculated with. ``connected_since`` and the
    heartbeat's ``sent_at`` are of the ingest's clock. While there is no connection ``connected_since`` is the last
    one's. ``missed`` was silent before this connection already, which has not brought it back. ``standing`` is what was
    found of the subscriptions. ``storm`` says that connections are lost often. ``polled`` says that tickers are
    fetched, since no socket can be had; ``sockets`` is how many there are, and how many there should be.
    ``poll_interval_s`` is how often a source that wants to be asked is, else 0. ``market`` says what time it is there.
    """

    watched_s: float
    heartbeat: Heartbeat | None = None
    heartbeat_at: int | None = None
    silence_s: float | None = None
    staleness_s: float | None = None
    last_word_at: int | None = None
    connected_since: int | None = None
    unproven: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    standing: Standing = NOBODY
    polled: bool = False
    storm: bool = False
    sockets: tuple[int, int] = (0, 0)
    poll_interval_s: float = 0.0
    market: Moment = ALWAYS


@dataclass(frozen=True)
class Judgement:
    """What to think of a venue, and why."""

    status: Status
    reason: str
    standing: Standing
    overdue: tuple[str, ...] = ()
    """Subscriptions that should have been proven long ago, as ``trade:XRP_TRY``."""
    patience_s: float = 0.0
    """For how long it has to hold before it is an alarm; infinite for what is told still and is better already."""


def judge(state: VenueState, target_s: float) -> Judgement | None:
    """Return the first status that holds; None while too little has been seen to tell."""
    heartbeat = state.heartbeat
    lately = state.silence_s is not None and state.silence_s <= state.watched_s
    if not lately and state.watched_s < SILENT_AFTER_S:
        return None  # we have just begun to look, or to look again: a living ingest is heard in a moment
    if heartbeat is None or state.silence_s is None:
        return _down(state, "no ingest: no heartbeat has come yet")
    if not lately or state.silence_s >= SILENT_AFTER_S:
        return _down(state, f"no ingest: no heartbeat since {utc(state.heartbeat_at)}")
    if not heartbeat.connected:
        return _down(state, f"not connected to the venue; {_last_word(state)}", RECONNECTED_WITHIN_S)
    if state.market.shows_closed:
        return Judgement(Status.CLOSED, _closed(state.market), state.standing)

    target_s = max(target_s, INTERVALS * state.poll_interval_s)
    connected_s = 0.0 if state.connected_since is None else (heartbeat.sent_at - state.connected_since) / 1000
    waited_s = state.market.overdue_s(connected_s)
    if state.staleness_s is None and waited_s <= target_s:
        # Only data proves a connection, and for STALE it is too early.
        reason = f"connected at {utc(state.connected_since)}, but {_last_word(state)}"
        return _down(state, reason, RECONNECTED_WITHIN_S)
    if state.staleness_s is None or state.market.overdue_s(state.staleness_s) > target_s:
        return Judgement(Status.STALE, f"connected, but {_last_word(state)}", state.standing)
    told = {mute.subscription for mute in state.standing.troubles}
    overdue = tuple(
        name
        for name in sorted({*state.missed, *(state.unproven if waited_s > target_s else ())})
        if name not in told and name.partition(":")[0] not in told
    )
    if state.polled or state.storm or state.standing.troubles or overdue:
        return Judgement(Status.DEGRADED, _troubles(state, overdue), state.standing, overdue)
    if heartbeat.mode is Mode.MOCK:
        return Judgement(Status.MOCK, "simulated data", state.standing)
    return Judgement(Status.UP, f"{heartbeat.mode.value} data{_late(state.market)}", state.standing)


def _down(state: VenueState, reason: str, patience_s: float = 0.0) -> Judgement:
    return Judgement(Status.DOWN, reason, state.standing, patience_s=patience_s)


def _troubles(state: VenueState, overdue: tuple[str, ...]) -> str:
    reasons = []
    if state.polled:
        reasons.append(polled(state.sockets))
    if state.storm:
        reasons.append(STORM)
    if state.standing.troubles:
        reasons.append("mute: " + named(mute.reason for mute in state.standing.troubles))
    if overdue:
        reasons.append(f"not heard since connecting at {utc(state.connected_since)}: {named(overdue)}")
    return "; ".join(reasons)


def polled(sockets: tuple[int, int]) -> str:
    """Return in words that tickers are fetched, for want of sockets."""
    connected, wanted = sockets
    return f"no WebSocket can be had ({connected} of {wanted}): tickers are polled by REST"


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
    return f"{nothing} since {utc(state.last_word_at)}"
