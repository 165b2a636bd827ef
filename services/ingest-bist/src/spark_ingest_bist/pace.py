"""How often a source is asked: evenly, no more often than its budget allows, and less once it objects. Pure.

Times are seconds of a clock that never goes back.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from math import ceil
from typing import Final

HOUR_S: Final = 3600.0
_MARGIN_S: Final = 5.0
"""What is sent evenly does not arrive so: the hour is counted a little longer than it is."""
_LEAST_S: Final = 0.001
_PLANNED: Final = 0.9
"""What of the budget the rounds may take; the rest is for what goes wrong."""

_HOLDS: Final = {
    "limited": (30.0, 900.0),
    "forbidden": (300.0, 3600.0),
    "rejected": (30.0, 900.0),
    "unknown": (30.0, 900.0),
}
_HOLD: Final = (10.0, 120.0)
MOST_ASKED_S: Final = 900.0
"""The longest Retry-After that is believed."""


class Budget:
    """So many requests in any hour."""

    def __init__(self, most: int | None) -> None:
        """``most`` is None where there is no limit."""
        self._most = most
        self._sent: deque[float] = deque()

    def wait_s(self, now: float) -> float:
        """Return how long to wait before the next request."""
        self._forget(now)
        if self._most is None or len(self._sent) < self._most:
            return 0.0
        return max(_LEAST_S, self._sent[0] + HOUR_S + _MARGIN_S - now)

    def spend(self, now: float) -> None:
        """A request is sent."""
        self._sent.append(now)

    def used(self, now: float) -> float:
        """Return which part of it is spent, 0 to 1."""
        self._forget(now)
        return 0.0 if self._most is None else len(self._sent) / self._most

    def _forget(self, now: float) -> None:
        while self._sent and now - self._sent[0] >= HOUR_S + _MARGIN_S:
            self._sent.popleft()


class Pace:
    """When the requests of a round are due."""

    def __init__(self, every_s: float, most_per_hour: int | None, rand: Callable[[], float] = random.random) -> None:
        self._every_s = every_s
        self._most = most_per_hour
        self._rand = rand

    def interval_s(self, requests: int) -> float:
        """Return how long a round of so many requests takes."""
        if self._most is None:
            return self._every_s
        return max(self._every_s, max(1, requests) * HOUR_S / (_PLANNED * self._most))

    def slot_s(self, number: int, requests: int) -> float:
        """Return how long after the beginning of its round a request, counted from 0, is due."""
        return (number + self._rand() / 4) * self.interval_s(requests) / max(1, requests)

    def apart_s(self, requests: int) -> float:
        """Return how far two requests are apart at least."""
        return self.interval_s(requests) / max(1, requests) * 0.7


class Holds:
    """How long a source that fails is left alone, longer each time. Only success shortens it, step by step."""

    def __init__(self, rand: Callable[[], float] = random.random) -> None:
        self._rand = rand
        self._failures: Counter[str] = Counter()
        self.until = 0.0
        self.active = False
        """Whether the last request failed."""

    def failed(self, error: str, now: float, asked_s: float = 0.0) -> float:
        """Return how long nothing is asked, after a failure; ``asked_s`` is what the source asks for."""
        first_s, most_s = _HOLDS.get(error, _HOLD)
        doublings = min(self._failures[error], ceil(most_s / first_s).bit_length())
        wait_s = min(most_s, first_s * float(1 << doublings)) * (1 - self._rand() / 4)
        wait_s = max(wait_s, min(asked_s, MOST_ASKED_S) * (1 + self._rand() / 10))
        self._failures[error] = doublings + 1
        self.active = True
        self.until = max(self.until, now + wait_s)
        return wait_s

    def succeeded(self) -> None:
        """A request was answered as it should be."""
        self._failures -= Counter(dict.fromkeys(self._failures, 1))  # keeps what is above 0
        self.active = False
        self.until = 0.0
