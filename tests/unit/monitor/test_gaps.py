"""The streaming quantile: right to a bucket, bounded, forgetting slowly, and the same after being kept."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_monitor.gaps import MOST_KNOWN, Gaps, Packed

GAPS = st.lists(st.floats(0.3, 100_000.0), min_size=1, max_size=400)


def learned(gaps: list[float]) -> Gaps:
    found = Gaps()
    for gap in gaps:
        found.add(gap)
    return found


@given(GAPS, st.sampled_from([0.5, 0.9, 0.99, 0.999]))
def test_a_quantile_is_never_too_little_and_at_most_a_fifth_too_much(gaps: list[float], share: float) -> None:
    """Of gaps that are as good as not forgotten yet, so the order of the old and new hardly matters."""
    quantile = learned(gaps).quantile_s(share)

    ordered = sorted(gaps)
    rank = min(len(gaps) - 1, math.floor(share * len(gaps)))
    near = [ordered[max(0, rank - 1 - len(gaps) // 10)], ordered[min(len(gaps) - 1, rank + len(gaps) // 10)]]
    assert near[0] <= quantile * 1.0001
    assert quantile <= max(0.3, near[1]) * 2**0.25 * 1.0001


@given(GAPS)
def test_what_is_kept_is_taken_up_again_as_it_was(gaps: list[float]) -> None:
    before = learned(gaps)
    after = Gaps.unpack(before.pack())

    assert after.known == before.known
    assert after.mean_s == pytest.approx(before.mean_s, rel=1e-2)
    for share in (0.5, 0.9):
        assert before.quantile_s(share - 0.01) <= after.quantile_s(share) <= before.quantile_s(share + 0.01)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_is_taken_and_none_spoils_the_rest(gap: float) -> None:
    gaps = learned([1.0] * 100)
    gaps.add(gap)

    assert 1.0 <= gaps.quantile_s(0.5) <= 1.3
    assert math.isfinite(gaps.mean_s)


def test_nothing_known_is_no_limit() -> None:
    assert Gaps().quantile_s(0.99) == Gaps().mean_s == math.inf
    assert Gaps().pack() == Packed(0, 0.0, 0, [])
    assert Gaps.unpack(Gaps().pack()).known == 0


def test_random_gaps_have_the_tail_that_they_should_have() -> None:
    rand = random.Random(1)
    gaps = learned([rand.expovariate(0.1) for _ in range(20_000)])

    assert gaps.known == MOST_KNOWN
    assert 46 * 0.9 < gaps.quantile_s(0.99) < 46 * 1.3
    assert 69 * 0.8 < gaps.quantile_s(0.999) < 69 * 1.5
    assert gaps.mean_s == pytest.approx(10, rel=0.1)


def test_what_was_is_forgotten_slowly() -> None:
    """After two thousand others it counts half, after twenty thousand nothing."""
    gaps = learned([1.0] * 5_000 + [100.0] * 20)
    assert gaps.quantile_s(0.999) > 90

    for _ in range(2_000):
        gaps.add(1.0)
    assert gaps.quantile_s(0.999) > 90
    for _ in range(18_000):
        gaps.add(1.0)
    assert gaps.quantile_s(0.999) < 1.3


def test_it_does_not_grow_however_long_it_runs() -> None:
    gaps = learned([0.5 + n % 7 for n in range(200_000)])

    assert len(gaps.pack().counts) <= 80
    assert max(gaps.pack().counts) < 3_000


@pytest.mark.parametrize(
    "packed",
    [
        Packed(-1, 1.0, 0, [1.0]), Packed(1, -1.0, 0, [1.0]), Packed(1, 1.0, -1, [1.0]), Packed(1, 1.0, 79, [1.0, 1.0]),
        Packed(1, 1.0, 0, [-1.0]), Packed(1, 1.0, 0, [math.nan]), Packed(1, math.nan, 0, [1.0]),
        Packed(MOST_KNOWN + 1, 1.0, 0, [1.0]), Packed(1, 1.0, 0, [math.inf]),
    ],
)  # fmt: skip
def test_what_cannot_be_gaps_is_refused(packed: Packed) -> None:
    with pytest.raises(ValueError, match="no gaps"):
        Gaps.unpack(packed)
