"""Waits between tries: they grow, they end growing, and they never exceed what they say."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from spark_service.backoff import backoff


def test_waits_double_up_to_the_most() -> None:
    assert list(islice(backoff(rand=lambda: 0.0), 7)) == [1, 2, 4, 8, 16, 16, 16]


def test_jitter_shortens_by_up_to_a_quarter() -> None:
    """Many that lost the same server do not return at the same moment."""
    assert list(islice(backoff(rand=lambda: 1.0), 6)) == [0.75, 1.5, 3, 6, 12, 12]


def test_each_iterator_begins_anew() -> None:
    list(islice(backoff(), 5))
    assert next(backoff(rand=lambda: 0.0)) == 1


@given(st.floats(min_value=0, max_value=1), st.integers(min_value=1, max_value=200))
def test_no_wait_is_longer_than_the_most_or_shorter_than_it_should(jitter: float, count: int) -> None:
    waits = list(islice(backoff(0.1, 1.0, rand=lambda: jitter), count))

    assert all(0.075 <= wait <= 1.0 for wait in waits)
