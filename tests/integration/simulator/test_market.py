"""The market: reproducible, consistent, and exact to the digit."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from spark_simulator.book import DELETED, NEW
from spark_simulator.market import Market, PairMarket
from spark_simulator.pairs import catalogue
from spark_simulator.row import decimals, number, padded

STEPS = 300


def market_of(pairs: int = 8, seed: int = 7, change_probability: float = 0.3, trades_per_minute: float = 100) -> Market:
    return Market(
        catalogue()[:pairs],
        seed,
        change_probability,
        trades_per_minute=trades_per_minute,
        interval_s=0.76,
        now_ms=1_790_000_000_000,
    )


def lived(market: PairMarket, steps: int = STEPS) -> list[object]:
    """Return all that a pair does in some intervals."""
    told: list[object] = []
    for at in range(steps):
        market.step()
        told += [market.publish(), market.row()]
        told += [market.trade(at) for _ in market.moments()]
    return told


def test_the_same_seed_and_steps_give_the_same_market() -> None:
    one, same, other = (lived(market_of(seed=seed)["BTCTRY"]) for seed in (7, 7, 8))
    assert one == same
    assert one != other


def test_a_pairs_market_does_not_depend_on_the_other_pairs() -> None:
    few, many = market_of(pairs=4), market_of(pairs=12)
    for symbol in ("ADATRY", "AVAXUSDT"):
        if symbol in many:
            lived(many[symbol])
    assert lived(few["USDTTRY"]) == lived(many["USDTTRY"])


def test_a_change_of_probability_0_never_and_of_1_always_changes_the_ticker() -> None:
    for probability, expected in ((0.0, False), (1.0, True)):
        traded = market_of(change_probability=probability)["XRPTRY"]
        for _ in range(50):
            before = traded.row()
            assert traded.step() is expected
            assert (traded.row() != before) is expected
            assert (traded.publish() is not None) is expected


def test_every_pair_keeps_its_figures_consistent() -> None:
    """All 379, so that the cheapest coin and the dearest are among them."""
    market = market_of(pairs=379, change_probability=1)
    for pair in market.pairs:
        traded = market[pair.symbol]
        for step in range(30):
            before = traded.row()
            assert traded.step()
            if step % 3 == 0:
                bid, ask = traded.book.bid, traded.book.ask
                first = traded.trade(step)[0]
                assert first.price == (ask if first.taker_buys else bid)
            row = {key: number(value) for key, value in traded.row().items()}
            assert row != before
            bid_text, ask_text, last, low, high = (Decimal(row[key]) for key in ("B", "A", "LA", "L", "H"))
            assert 0 < bid_text < ask_text
            assert low <= last <= high
            assert low <= Decimal(row["AV"]) <= high
            assert all(len(row[key].partition(".")[2]) <= pair.price_scale for key in ("B", "A", "LA", "L", "H", "O"))
            assert not any(char in "".join(row[key] for key in ("B", "V", "AV", "D")) for char in "eE")


def test_only_a_trade_changes_last_and_volume() -> None:
    traded = market_of(change_probability=1)["ETHTRY"]
    for step in range(200):
        before = traded.row()
        traded.step()
        assert (traded.row()["LA"], traded.row()["V"]) == (before["LA"], before["V"])
        if step % 5 == 0:
            size = sum(trade.size for trade in traded.trade(step))
            assert size > 0
            assert Decimal(number(traded.row()["V"])) > Decimal(number(before["V"]))
            assert traded.row()["LA"] == f'"{traded.tape.last[-1].price}"' if not traded.pair.price_scale else True


def test_no_ticker_of_a_lively_pair_ever_comes_again() -> None:
    """An audit knows a ticker by its figures."""
    traded = market_of(change_probability=1, trades_per_minute=3.7)["USDTTRY"]
    seen = set()
    for at in range(5_000):
        traded.step()
        for _ in traded.moments():
            traded.trade(at)
        seen.add(tuple(traded.row().values()))
    assert len(seen) == 5_000


def test_prices_stay_plausible_in_the_long_run() -> None:
    traded = market_of(change_probability=1)["USDTTRY"]
    reference = traded.pair.reference_price
    prices = []
    for at in range(50_000):
        traded.step()
        traded.publish()
        if at % 10 == 0:
            prices += [Decimal(trade.price).scaleb(-traded.pair.price_scale) for trade in traded.trade(at)]
    assert reference / 2 < min(prices)
    assert max(prices) < reference * Decimal("1.5")
    assert len(set(prices)) > 300


def test_what_is_published_is_the_window_of_the_best_hundred() -> None:
    """Whoever applies the changes strictly, by the venue's codes, has the window after each of them."""
    traded = market_of(change_probability=1, trades_per_minute=30)["BTCTRY"]
    book = {"bids": dict(traded.book.bids.published()), "asks": dict(traded.book.asks.published())}
    sizes, far_edge = [], 0
    for at in range(2_000):
        number_before = traded.change_set
        traded.step()
        difference = traded.publish()
        assert difference is not None
        assert difference.change_set == number_before + 1
        sizes.append(len(difference.bids) + len(difference.asks))
        for side, changes in (("bids", difference.bids), ("asks", difference.asks)):
            for code, price, size in changes:
                assert size > 0
                assert (price in book[side]) is (code != NEW)
                if code == DELETED:
                    del book[side][price]
                else:
                    assert book[side].get(price) != size
                    book[side][price] = size
            prices = [price for _, price, _ in changes]
            assert prices == sorted(prices, reverse=side == "bids")
        far_edge += sum(code == DELETED and price in traded.book.asks.sizes for code, price, _ in difference.asks)
        assert sorted(book["bids"].items(), reverse=True) == list(traded.book.bids.levels())
        assert sorted(book["asks"].items()) == list(traded.book.asks.levels())
        assert len(book["bids"]) == len(book["asks"]) == 100
        for _ in traded.moments():
            traded.trade(at)
    assert 6 <= sorted(sizes)[100] <= sorted(sizes)[-100] <= 20
    assert far_edge > 100, "levels leave the window though they are still there"


def test_all_pairs_together_send_as_many_book_frames_as_the_venue() -> None:
    """379 pairs: 161 to 166 a second in the middle, some 350 in bursts, busy pairs one an interval, quiet ones few."""
    market = market_of(pairs=379, seed=1, trades_per_minute=3.7)
    counts, by_pair = [], Counter[str]()
    for _ in range(200):
        changed = []
        for pair in market.pairs:
            traded = market[pair.symbol]
            traded.step()
            for _ in traded.moments():
                traded.trade(0)
            if traded.publish() is not None:
                changed.append(pair.symbol)
        counts.append(len(changed) / 0.76)
        by_pair.update(changed)
    assert 155 < sorted(counts)[100] < 172
    assert 300 < max(counts) < 400
    assert by_pair["BTCTRY"] > 190
    assert by_pair[market.pairs[-1].symbol] < 30


def test_a_recent_day_of_trades_comes_before_the_first() -> None:
    trades = market_of()["BTCTRY"].tape.last
    assert len(trades) == 50
    assert [trade.time_ms for trade in trades] == sorted(trade.time_ms for trade in trades)
    assert trades[-1].time_ms <= 1_790_000_000_000


def test_trade_ids_are_the_venues() -> None:
    """1000 and the pair's number, then 14 digits that count on, not always by one."""
    tape = market_of()["USDTTRY"]
    ids = [trade.id for at in range(400) for trade in tape.trade(at)]
    steps = {int(after) - int(before) for before, after in pairwise(ids)}

    assert all(len(id) == 18 and id.startswith("10186") for id in ids)
    assert min(steps) == 1
    assert max(steps) == 6
    tape.tape.restart_ids(lower=True)
    assert int(tape.trade(0)[0].id) < int(ids[0])


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


@pytest.mark.parametrize(
    ("units", "scale", "least", "text"),
    [(586950, 0, 10, "586950.0000000000"), (87770000, 12, 10, "0.0000877700"), (400047254781, 12, 8, "0.400047254781"),
     (3712281, 0, 0, "3712281"), (26939, 7, 8, "0.00269390")],
)  # fmt: skip
def test_padding_adds_zeros_and_never_takes_a_digit(units: int, scale: int, least: int, text: str) -> None:
    assert padded(units, scale, least) == text
