"""Whether the ingest connects again and again: each time it does is well, and all of them are not."""

from collections import deque
from typing import Final

_WITHIN_S: Final = 300.0
_STEP_S: Final = 10.0
"""Sockets that are lost in the same moment are one loss."""
_STORM: Final = 5


class Storm:
    """One venue's reconnections, from the counter that its ingest keeps."""

    def __init__(self) -> None:
        self._counted: int | None = None
        self._losses: deque[float] = deque(maxlen=_STORM)

    def take(self, reconnects: int, now: float) -> None:
        """The counter stands here at ``now`` (monotonic); one that is lower than before is a new ingest's."""
        known, self._counted = self._counted, reconnects
        if known is None or reconnects <= known:
            return
        if not self._losses or now - self._losses[-1] >= _STEP_S:
            self._losses.append(now)

    def rages(self, now: float) -> bool:
        """Return whether connections were lost five times or more within five minutes."""
        return len(self._losses) == _STORM and now - self._losses[0] <= _WITHIN_S
