"""The price grid: where prices lie, and how the noise of binary floats goes without touching a real digit."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_bist.grid import nearest, step, without_noise


@pytest.mark.parametrize(
    ("price", "width"),
    [
        ("0", "0.01"), ("19.99", "0.01"), ("20", "0.02"), ("49.98", "0.02"), ("50", "0.05"), ("99.95", "0.05"),
        ("100", "0.10"), ("249.90", "0.10"), ("250", "0.25"), ("499.75", "0.25"), ("500", "0.50"), ("999.50", "0.50"),
        ("1000", "1"), ("2499", "1"), ("2500", "2.50"), ("3000000", "2.50"),
    ],
)  # fmt: skip
def test_the_step_follows_the_price(price: str, width: str) -> None:
    assert step(Decimal(price)) == Decimal(width)
    assert nearest(Decimal(price)) == Decimal(price)


@pytest.mark.parametrize(
    ("noisy", "price"),
    [
        ("306.0000305", "306"), ("114.30000305", "114.3"), ("114.30000305175781250", "114.3"), ("304.25", "304.25"),
        ("2502.500244140625", "2502.5"), ("19.989999771118164", "19.99"), ("0.009999999776482582", "0.01"),
        ("249.89999389648438", "249.9"), ("3.0600000000000001", "3.06"), ("12.2899999999999991", "12.29"),
        ("3000000.0", "3000000"), ("2500100", "2500100"), ("3.05E2", "305"), ("999.4999999", "999.5"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("decimals", [None, 2, 4])
def test_noise_goes_to_the_price_that_it_was(noisy: str, price: str, decimals: int | None) -> None:
    assert str(without_noise(Decimal(noisy), decimals)) == price


@pytest.mark.parametrize("price", ["20.01", "304.13", "1000.55", "2501.01", "14516.32"])
def test_a_price_off_the_grid_stays(price: str) -> None:
    """Auctions, averages and adjusted prices have such ones: the grid refuses nothing."""
    assert str(without_noise(Decimal(price))) == price


@pytest.mark.parametrize(
    ("number", "decimals", "price"),
    [
        ("12.3456", None, "12.35"), ("12.3456", 4, "12.3456"), ("0.1234", 4, "0.1234"),
        ("0.12340000271797180", 4, "0.1234"), ("12.3456", 0, "12.35"), ("12.3456", -3, "12.35"),
        ("1.123456789012", 99, "1.12345679"), ("0.004", None, "0"),
        ("0.004", 3, "0.004"),
    ],
)  # fmt: skip
def test_finer_digits_are_as_many_as_the_source_says(number: str, decimals: int | None, price: str) -> None:
    """Fewer than the market's own two are not believed, nor more than a price can have."""
    assert str(without_noise(Decimal(number), decimals)) == price


def test_an_index_has_two_decimals_and_no_grid() -> None:
    assert without_noise(Decimal("14516.3203125"), 2, on_grid=False) == Decimal("14516.32")
    assert without_noise(Decimal("100002.490001"), 2, on_grid=False) == Decimal("100002.49")


@given(st.integers(min_value=1, max_value=5_000_000))
def test_every_price_of_the_grid_survives_a_32_bit_float(hundredths: int) -> None:
    price = nearest(Decimal(hundredths) / 100)
    (as_float,) = struct.unpack("<f", struct.pack("<f", price))

    assert without_noise(Decimal(as_float)) == price
    assert without_noise(Decimal(repr(as_float)), 4) == price


@given(st.integers(min_value=1, max_value=3_000_000))
def test_every_index_value_survives_a_32_bit_float(hundredths: int) -> None:
    value = Decimal(hundredths) / 100
    (as_float,) = struct.unpack("<f", struct.pack("<f", value))

    assert without_noise(Decimal(as_float), 2, on_grid=False) == value
