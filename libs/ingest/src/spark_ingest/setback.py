"""Notices that the wall clock was set back.

Times that were taken before then lie in the future. Who judges by them that something has not been heard for long, as
the monitor does, would be blind until the clock has come as far again.
"""

from typing import Final

_LEAST_MS: Final = 1_000
"""What is less does no harm: a clock is also slowed down, and read twice at not quite the same moment."""


class SetBack:
    """Compares the wall clock (ms) with the monotonic one (s), which never goes back."""

    def __init__(self, wall_ms: int, monotonic_s: float) -> None:
        self._ahead_ms = wall_ms - monotonic_s * 1000

    def by_ms(self, wall_ms: int, monotonic_s: float) -> int:
        """Return by how much the wall clock was set back since the last question, 0 if it was not."""
        before_ms, self._ahead_ms = self._ahead_ms, wall_ms - monotonic_s * 1000
        back_ms = int(before_ms - self._ahead_ms)
        return back_ms if back_ms >= _LEAST_MS else 0


def redated(at: int, back_ms: int, now_ms: int) -> int:
    """Return a time that was taken before the clock was set back as that clock would have it now.

    One that is past by the new clock too may have been taken since, and stays: it then seems younger than it is, by no
    more than lets it grow old as it should.
    """
    return at - back_ms if at > now_ms else at
