"""The walk: reproducible, consistent, and exact to the digit."""

from decimal import Decimal

import pytest

from spark_simulator.market import Market
from spark_simulator.pairs import catalogue
from spark_simulator.row import Row, decimals, number

STEPS = 300


def walked(seed: int, pairs: int = 8, steps: int = STEPS, change_probability: float = 0.3) -> list[Row]:
    market = Market(catalogue()[:pairs], seed, change_probability)
    for _ in range(steps):
        for pair in market.pairs:
            market.step(pair.symbol)
    return [market.row(pair.symbol) for pair in market.pairs]


def test_the_same_seed_and_steps_give_the_same_prices() -> None:
    assert walked(seed=7) == walked(seed=7)
    assert walked(seed=7) != walked(seed=8)


def test_a_pairs_prices_do_not_depend_on_the_other_pairs() -> None:
    prices = [[number(row["LA"]) for row in walked(seed=7, pairs=pairs)[:4]] for pairs in (4, 12)]
    assert prices[0] == prices[1]


def test_a_change_of_probability_0_never_and_of_1_always_happens() -> None:
    for probability, expected in ((0.0, {False}), (1.0, {True})):
        market = Market(catalogue()[:4], 1, probability)
        assert {market.step("BTCTRY") for _ in range(50)} == expected


def test_every_pair_keeps_its_figures_consistent_and_on_the_tick() -> None:
    """All 379, so that the cheapest coin and the dearest are among them."""
    market = Market(catalogue(), 3, 1.0)
    for pair in market.pairs:
        volume = Decimal(0)
        for _ in range(30):
            before = market.row(pair.symbol)
            assert market.step(pair.symbol)
            assert market.row(pair.symbol) != before
            row = {key: number(value) for key, value in market.row(pair.symbol).items()}
            bid, ask, last, low, high = (Decimal(row[key]) for key in ("B", "A", "LA", "L", "H"))
            assert 0 < bid < last < ask
            assert low <= last <= high
            assert low <= Decimal(row["AV"]) <= high
            assert all(len(row[key].partition(".")[2]) <= pair.price_scale for key in ("B", "A", "LA", "L", "H", "O"))
            assert not any(char in "".join(row[key] for key in ("B", "V", "AV", "D")) for char in "eE")
            assert Decimal(row["V"]) > volume
            volume = Decimal(row["V"])


def test_prices_stay_plausible_in_the_long_run() -> None:
    market = Market(catalogue()[:4], 5, 1.0)
    [pair] = [pair for pair in market.pairs if pair.symbol == "USDTTRY"]
    prices = []
    for _ in range(50_000):
        market.step("USDTTRY")
        prices.append(Decimal(number(market.row("USDTTRY")["LA"])))
    assert pair.reference_price / 2 < min(prices)
    assert max(prices) < pair.reference_price * Decimal("1.5")
    assert len(set(prices)) > 1000


def test_the_catalogue_is_the_venues_in_size_ids_and_scales() -> None:
    pairs = catalogue()
    known = {pair.symbol: pair for pair in pairs}

    assert len(known) == len({pair.id for pair in pairs}) == len({pair.order for pair in pairs}) == 379
    assert [pair.symbol for pair in pairs[:4]] == ["BTCTRY", "ETHTRY", "XRPTRY", "USDTTRY"]
    assert sum(pair.quote == "TRY" for pair in pairs) == 190
    assert {name: known[name].id for name in ("BTCTRY", "USDTTRY", "BTCUSDT", "HNTUSDT")} == {
        "BTCTRY": 1, "USDTTRY": 18, "BTCUSDT": 19, "HNTUSDT": 317,
    }  # fmt: skip
    scales = {name: (known[name].size_scale, known[name].price_scale) for name in known}
    assert scales["BTCTRY"] == (8, 0)
    assert scales["USDTTRY"] == (2, 3)
    assert scales["ETHUSDT"] == (8, 1)
    assert scales["AAVETRY"] == (4, 2)


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [(3780291, 0, "3780291"), (34706, 3, "34.706"), (36700, 3, "36.7"), (-173, 3, "-0.173"), (5, 9, "0.000000005"),
     (0, 3, "0"), (47000, 3, "47"), (10, 0, "10")],
)  # fmt: skip
def test_numbers_are_written_without_padding_or_exponent(units: int, scale: int, text: str) -> None:
    assert decimals(units, scale) == text
