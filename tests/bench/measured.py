"""What a process does that is measured: waits for a number of frames, handles them, says what that cost.

Says `true` when it is ready. Each line on its standard input is a number of frames: `true` comes back when they may
come, and the figures when they are done. Python's own library alone, because peers do it too.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable

_LONGEST_S = 120.0
BURST = 100


async def serve(handle: Callable[[int], Awaitable[None]], notes: Callable[[], dict[str, float]] = dict) -> None:
    """Have ``handle`` return once so many frames are done, until the standard input ends."""
    _say(True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        frames = int(line)
        cpu_s, began = _cpu_s(), time.monotonic()
        _say(True)
        async with asyncio.timeout(_LONGEST_S):
            await handle(frames)
        ended = time.monotonic()
        cpu_s = _cpu_s() - cpu_s
        _say({"cpu_s": cpu_s, "us/frame": cpu_s * 1e6 / frames, "began": began, "ended": ended, **notes()})


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


def _cpu_s() -> float:
    """Return the processor time, user and system, of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
