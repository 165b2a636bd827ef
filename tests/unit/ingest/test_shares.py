"""Pairs over sockets: each on one, none moved, and every socket with something that shows that it lives."""

from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_btcturk.channels import ALL, CHANNELS, Subscription
from spark_ingest_btcturk.shares import Share, Shares

PAIRS = [f"C{number}TRY" for number in range(379)]


def pairs_of(share: Share, channel: str = "trade") -> set[str]:
    return {item.event for item in share.subscriptions if item.channel == channel}


def test_a_few_pairs_share_one_socket_each_with_a_ticker_of_its_own() -> None:
    [share] = Shares(CHANNELS, 50).spread(["BTCTRY", "ETHTRY"], 379)

    assert set(share.subscriptions) == {
        Subscription(channel, pair) for channel in CHANNELS for pair in ("BTCTRY", "ETHTRY")
    }
    assert share.probe is None


def test_all_pairs_take_as_many_sockets_as_they_need_and_one_subscription_for_all_tickers() -> None:
    shares = Shares(CHANNELS, 50).spread(PAIRS, 379)

    assert [len(pairs_of(share)) for share in shares] == [50] * 7 + [29]
    assert set().union(*map(pairs_of, shares)) == set(PAIRS)
    assert pairs_of(shares[0], "ticker") == {ALL}
    for share in shares[1:]:
        assert share.probe in share.subscriptions
        assert pairs_of(share, "ticker") == {share.probe.event if share.probe else None}
        assert pairs_of(share, "ticker") <= pairs_of(share)


def test_a_small_part_of_the_venue_is_joined_pair_by_pair() -> None:
    shares = Shares(CHANNELS, 50).spread(PAIRS[:120], 379)

    assert [len(pairs_of(share, "ticker")) for share in shares] == [50, 50, 20]
    assert all(share.probe is None for share in shares)


@given(st.lists(st.sets(st.sampled_from(PAIRS[:60])), min_size=1, max_size=8), st.integers(1, 20))
def test_listings_and_delistings_never_move_a_pair(rounds: list[set[str]], most: int) -> None:
    """A pair that moved would be broken off for nothing."""
    shares = Shares(CHANNELS, most)
    at: dict[str, int] = {}
    for wanted in rounds:
        spread = shares.spread(sorted(wanted), 379)
        found = {pair: number for number, share in enumerate(spread) for pair in pairs_of(share)}

        assert set(found) == wanted
        assert sum(len(pairs_of(share)) for share in spread) == len(wanted), "each pair on one socket"
        assert all(len(pairs_of(share)) <= most for share in spread)
        assert all(found[pair] == number for pair, number in at.items() if pair in found)
        at = found


def test_how_tickers_are_joined_is_not_changed_by_a_listing() -> None:
    """Once decided: a venue at the edge would flap, and each change is a break."""
    shares = Shares(CHANNELS, 50)
    shares.spread(PAIRS[:100], 210)

    [first, *_] = shares.spread(PAIRS[:110], 210)

    assert pairs_of(first, "ticker") == pairs_of(first)
