"""A venue's alarms: one for each cause, raised, changed and cleared. No I/O and no clock."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import msgspec

from spark_market.messages import Alarm

Severity = Literal["warning", "critical"]

SEVERITIES: Final[tuple[Severity, ...]] = ("warning", "critical")
CLEARED_AFTER_S: Final = 15.0
"""A cause that comes back sooner was never gone."""
_RECALLED_S: Final = 60.0
"""A new monitor looks for so long before it says that what an earlier one found is over."""
_CHANGED_EVERY_S: Final = 10.0


class Cause(NamedTuple):
    """Why there is an alarm: ``of`` makes its id, ``stale`` or ``mute:trade:XRP_TRY``; ``since`` is ms UTC.

    None is raised before it has held for ``patience_s``.
    """

    of: str
    severity: Severity
    reason: str
    since: int
    patience_s: float = 0.0


class _Waiting(NamedTuple):
    """A cause that is no alarm yet: when it was first seen (monotonic, s), and since when it was said to be."""

    seen: float
    since: int


@dataclass(slots=True)
class _Open:
    alarm: Alarm
    seen: float
    told: float
    cleared_after_s: float = CLEARED_AFTER_S


class Alarms:
    """One venue's. ``now`` is the monotonic clock, in seconds."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._open: dict[str, _Open] = {}
        self._waiting: dict[str, _Waiting] = {}

    @property
    def open(self) -> list[Alarm]:
        """What has been raised and is not over."""
        return [opened.alarm for opened in self._open.values()]

    def counts(self) -> Counter[str]:
        """Return how many are open, by severity."""
        return Counter(opened.alarm.severity for opened in self._open.values())

    def recall(self, alarms: Iterable[Alarm], now: float) -> None:
        """Take over what an earlier monitor had raised."""
        for alarm in alarms:
            self._open.setdefault(alarm.id, _Open(alarm, now, now, _RECALLED_S))

    def news(self, causes: Sequence[Cause], now: float, *, raising: bool = True) -> list[Alarm]:
        """Return what there is to tell when these causes hold, and no others. It is told once it was taken: `told`.

        Without ``raising`` nothing new is raised yet.
        """
        news: list[Alarm] = []
        known, self._waiting = self._waiting, {}
        for cause in causes:
            name = f"{self._venue}:{cause.of}"
            opened = self._open.get(name)
            if opened is None:
                waiting = self._waiting[name] = known.get(name) or _Waiting(now, cause.since)
                if raising and now - waiting.seen >= cause.patience_s:
                    news.append(self._alarm(name, "raised", cause, waiting.since))
                continue
            opened.seen, opened.cleared_after_s = now, CLEARED_AFTER_S
            alarm = opened.alarm
            worse = cause.severity != alarm.severity
            if worse or (cause.reason != alarm.reason and now - opened.told >= _CHANGED_EVERY_S):
                news.append(self._alarm(name, "changed", cause, alarm.since))
        over = [opened for opened in self._open.values() if now - opened.seen > opened.cleared_after_s]
        return news + [msgspec.structs.replace(opened.alarm, state="cleared") for opened in over]

    def told(self, news: Iterable[Alarm], now: float) -> None:
        """These are on the bus."""
        for alarm in news:
            if alarm.state == "cleared":
                self._open.pop(alarm.id, None)
            else:
                self._open[alarm.id] = _Open(alarm, now, now)

    def _alarm(self, name: str, state: Literal["raised", "changed"], cause: Cause, since: int) -> Alarm:
        return Alarm(venue=self._venue, id=name, state=state, severity=cause.severity, reason=cause.reason, since=since)
