"""The tests' own virtual time: if it were wrong, a simulated year would prove nothing."""

import asyncio
import time

import pytest

from support.examples import NOON
from support.virtual_loop import VirtualClock, run_virtually

YEAR_S = 365 * 86_400


def test_a_year_passes_at_once() -> None:
    clock = VirtualClock(NOON)
    began = time.monotonic()

    run_virtually(clock, clock.sleep(YEAR_S))

    assert clock.now_ms() == NOON + YEAR_S * 1000
    assert time.monotonic() - began < 60


def test_sleepers_wake_in_order_at_their_time() -> None:
    clock = VirtualClock(NOON)
    woken: list[tuple[int, str]] = []

    async def sleeper(name: str, *waits: float) -> None:
        for wait in waits:
            await clock.sleep(wait)
            woken.append((clock.now_ms() - NOON, name))

    async def main() -> None:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(sleeper("a", 2, 0.5))
            group.create_task(sleeper("b", 1, 1.25))

    run_virtually(clock, main())

    assert woken == [(1000, "b"), (2000, "a"), (2250, "b"), (2500, "a")]


def test_deadlines_are_virtual_too() -> None:
    clock = VirtualClock(NOON)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await clock.sleep_until(NOON + YEAR_S * 1000)

    run_virtually(clock, main())

    assert clock.now_ms() == NOON + 3_600_000


def test_waiting_for_nothing_is_an_error_and_no_hang() -> None:
    clock = VirtualClock(NOON)

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing would ever happen again"):
        run_virtually(clock, main())
