"""The wall clock as the wire has it."""

import time


def now_ms() -> int:
    """Return the time now, integer milliseconds UTC."""
    return time.time_ns() // 1_000_000
