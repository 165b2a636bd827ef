"""Token buckets of a process by itself, on a clock that a test moves."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from spark_bus.connection import connect
from spark_gateway.access import RateClass, client_of
from spark_gateway.accessmetrics import AccessMetrics
from spark_gateway.buckets import CREDIT, Buckets, lot_size
from support.redis_server import free_port


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("throttled.utils.now_mono_f", clock)
    return clock


@pytest.fixture
async def alone(clock: Clock) -> AsyncIterator[Buckets]:
    """Buckets of a gateway that never finds its Redis."""
    redis = connect(f"redis://127.0.0.1:{free_port()}/0", 1)
    buckets = Buckets(redis, AccessMetrics(CollectorRegistry()), clock=clock)
    yield buckets
    await buckets.close()
    await redis.aclose()


@pytest.mark.parametrize(("per_second", "burst"), [(100, 200), (1, 5), (0.5, 1), (2_000, 50), (10, 1_000)])
async def test_what_is_let_through_is_the_burst_and_the_rate(
    alone: Buckets, clock: Clock, per_second: float, burst: int
) -> None:
    """One who never stops asking, for a minute: within a lot of what the bucket holds and what has come in."""
    client = client_of("a", RateClass(requests_per_second=per_second, burst=burst, streams=1))
    taken = waited = 0

    for _ in range(600):
        for _ in range(max(10, int(per_second))):
            wait_s = alone.spend(client)
            wait_s = await alone.ask(client) if wait_s is None else wait_s
            if wait_s:
                waited += 1
                break
            taken += 1
        clock.now += 0.1

    due = burst + per_second * 60
    assert waited > 0 or taken == 600 * max(10, int(per_second))
    assert taken <= due * (1 + CREDIT) + 2 * lot_size(client.rate)
    if per_second * 0.1 <= burst:  # else the bucket runs over between two of the clock's steps
        assert taken >= min(due * 0.97 - 1, 600 * max(10, int(per_second)))


async def test_a_wait_that_is_kept_to_is_enough(alone: Buckets, clock: Clock) -> None:
    client = client_of("a", RateClass(requests_per_second=0.2, burst=2, streams=1))
    waits = []

    for _ in range(20):
        wait_s = alone.spend(client)
        wait_s = await alone.ask(client) if wait_s is None else wait_s
        waits.append(wait_s)
        clock.now += wait_s

    assert any(waits) and not any(first and second for first, second in pairwise(waits))


@pytest.mark.parametrize(
    ("per_second", "burst", "lot"),
    [(100, 200, 10), (0.001, 1, 1), (1, 10_000, 1), (1_000_000, 1_000_000, 1_000), (1_000, 10, 1), (40, 200, 10)],
)
def test_a_lot_is_a_small_part_of_the_bucket_and_of_the_rate(per_second: float, burst: int, lot: int) -> None:
    assert lot_size(RateClass(requests_per_second=per_second, burst=burst, streams=1)) == lot
