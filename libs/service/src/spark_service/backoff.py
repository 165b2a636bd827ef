"""Growing, capped and jittered waits between tries."""

import random
from collections.abc import Callable, Iterator


def backoff(first_s: float = 1.0, most_s: float = 16.0, rand: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield waits in seconds: 1, 2, 4, 8, then 16 for ever, each shortened by up to a quarter.

    Shortened, not lengthened, so that ``most_s`` is what it says.
    """
    step_s = first_s
    while True:
        yield step_s * (1 - rand() / 4)
        step_s = min(most_s, step_s * 2)
