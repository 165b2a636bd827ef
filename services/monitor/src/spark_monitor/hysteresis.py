"""What is said of a venue does not follow each twitch: worse is believed the second time, better after a while."""

import math
from dataclasses import replace
from typing import Final

from spark_market.messages import Status
from spark_monitor.judgement import Judgement

_BETTER_AFTER_S: Final = 5.0
_WORSE_AFTER: Final = 2
_BADNESS: Final = {Status.UP: 0, Status.MOCK: 0, Status.DEGRADED: 1, Status.STALE: 2, Status.DOWN: 3}
"""CLOSED is not among them: the calendar does not twitch."""
_AT_ONCE: Final = frozenset({Status.STALE, Status.DOWN})
"""These have waited already, each for its own seconds of silence."""


class Hysteresis:
    """One venue's."""

    def __init__(self) -> None:
        self._told: Judgement | None = None
        self._worse = 0
        self._better_since: float | None = None
        self._begun = False  # a venue that has only been DOWN, since all of it is just starting, need not prove itself

    def recall(self, judgement: Judgement) -> None:
        """Go on from what an earlier monitor told, unless something has been told since."""
        if self._told is None:
            self._told, self._begun = judgement, True

    def settle(self, judgement: Judgement, now: float) -> Judgement:
        """Return what to tell when this is the newest judgement; ``now`` is monotonic, in seconds."""
        told = self._told
        if told is None or not self._waits(told.status, judgement.status, now):
            self._told, self._worse, self._better_since = judgement, 0, None
            self._begun = self._begun or judgement.status is not Status.DOWN
            return judgement
        self._told = replace(judgement, status=told.status, reason=told.reason, patience_s=math.inf)
        return self._told

    def _waits(self, told: Status, found: Status, now: float) -> bool:
        before, after = _BADNESS.get(told), _BADNESS.get(found)
        if before is None or after is None or before == after:
            return False
        if after > before:
            self._better_since = None
            self._worse += 1
            return found not in _AT_ONCE and self._worse < _WORSE_AFTER
        self._worse = 0
        if not self._begun:
            return False
        if self._better_since is None:
            self._better_since = now
        return now - self._better_since < _BETTER_AFTER_S
