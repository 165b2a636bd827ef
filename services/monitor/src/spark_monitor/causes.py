"""What of a judgement, and of what stands beside it, is a cause for alarm: few, so that each is looked at."""

from collections.abc import Iterator
from typing import Final

from spark_market.messages import Alarm, Status
from spark_market.sessions import Calendar
from spark_monitor.alarms import Cause, Severity
from spark_monitor.edge import is_near
from spark_monitor.judgement import RECONNECTED_WITHIN_S, STORM, Judgement, VenueState, polled
from spark_monitor.standing import MOST_NAMED, Mute, named, utc

KINDS: Final = ("down", "stale", "mute", "unproven", "polled", "reconnects", "clock", "calendar")
_CLOCK_OFF_MS: Final = 1_000.0


def causes(judgement: Judgement, state: VenueState, now_ms: int) -> Iterator[Cause]:
    """Yield what is wrong with a venue; ``now_ms`` is our time.

    A venue that is not there, or says nothing, has one cause, not one for each of its instruments.
    """
    match judgement.status:
        case Status.DOWN:
            yield Cause("down", "critical", judgement.reason, now_ms, judgement.patience_s)
        case Status.STALE:
            yield Cause("stale", "critical", judgement.reason, now_ms, judgement.patience_s)
        case Status.DEGRADED:
            yield from _degraded(judgement, state, now_ms)


def _degraded(judgement: Judgement, state: VenueState, now_ms: int) -> Iterator[Cause]:
    if state.polled:
        yield Cause("polled", "warning", polled(state.sockets), now_ms)
    if state.storm:
        yield Cause("reconnects", "warning", STORM, now_ms)
    if judgement.overdue:
        connected, wanted = state.sockets
        patience_s = RECONNECTED_WITHIN_S if connected < wanted else 0.0  # what a lost socket carried is so at once
        missing = f"not heard since connecting at {utc(state.connected_since)}: {named(judgement.overdue)}"
        yield Cause("unproven", "warning", missing, now_ms, patience_s)
    for channel in judgement.standing.channels:
        yield _mute(channel, "critical", now_ms)
    mute = judgement.standing.mute
    if len(mute) <= MOST_NAMED:
        for each in mute:
            yield _mute(each, "warning", now_ms)
    else:
        reason = f"{len(mute)} are mute: {named((each.subscription for each in mute), 20)}"
        yield Cause("mute", "critical", reason, min(each.since for each in mute) or now_ms)


def _mute(mute: Mute, severity: Severity, now_ms: int) -> Cause:
    return Cause(f"mute:{mute.subscription}", severity, mute.reason, mute.since or now_ms)


def clock_cause(offset_ms: float | None, now_ms: int) -> Iterator[Cause]:
    """Yield that the venue's clock and ours disagree by too much for their times to be compared."""
    if offset_ms is not None and abs(offset_ms) > _CLOCK_OFF_MS:
        side = "ahead of" if offset_ms > 0 else "behind"
        yield Cause("clock", "warning", f"the venue's clock is more than a second {side} ours", now_ms)


def calendar_cause(calendar: Calendar, market_ms: int, now_ms: int) -> Iterator[Cause]:
    """Yield that the trading calendar ends soon, or that days are guessed already."""
    if is_near(calendar, market_ms):
        ends = f"the trading calendar ends on {calendar.known_until}; beyond it every weekday is taken for a full day"
        yield Cause("calendar", "warning" if calendar.knows(market_ms) else "critical", ends, now_ms)


def kind_of(alarm: Alarm) -> str:
    """Return what metrics know an alarm by: ``mute`` of ``btcturk:mute:trade:XRP_TRY``."""
    return alarm.id.split(":")[1]
