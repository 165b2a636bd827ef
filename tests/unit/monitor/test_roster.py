"""The verdict on each subscription: by its own rhythm, and by what its neighbours say."""

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from spark_monitor.reading import Reading
from spark_monitor.rhythm import Channel, Neighbours
from spark_monitor.roster import Roster
from spark_monitor.standing import Heard, Standing

NOON = 1_766_404_800_000
SYMBOLS = ("A", "B", "C", "D")


class Feed:
    """An ingest's hash, one second after the other; the first that is told is at ``NOON``."""

    def __init__(self, roster: Roster, **reading: Any) -> None:
        self.roster = roster
        self.second = 0
        self.heard: dict[bytes, bytes] = {}
        self.reading = Reading(heard={}, sent_at=NOON, connected_since=NOON - 1, **reading)
        self.standing = Standing()

    @property
    def now_ms(self) -> int:
        return NOON + self.second * 1000

    def pass_second(self, spoke: Iterable[str], **reading: Any) -> Standing:
        self.second += 1
        for name in spoke:
            self.heard[name.encode()] = b"%d" % self.now_ms
        self.standing = self.roster.listen(
            replace(self.reading, heard=dict(self.heard), sent_at=self.now_ms, **reading), 100.0 + self.second
        )
        return self.standing

    def mute(self) -> list[str]:
        return [mute.subscription for mute in self.standing.mute]


def tickers(*but: str) -> list[str]:
    return [f"ticker:{symbol}" for symbol in SYMBOLS if symbol not in but]


@pytest.fixture
def repeating() -> Feed:
    """Tickers that the venue repeats each second, heard for a minute."""
    feed = Feed(Roster(30.0, {"ticker": 0.76}))
    for _ in range(60):
        feed.pass_second(tickers())
    return feed


def test_what_speaks_is_fresh(repeating: Feed) -> None:
    assert repeating.standing.instruments == {Heard.FRESH: 4}
    assert repeating.standing.by_channel["ticker"] == {Heard.FRESH: 4}


def test_what_the_venue_repeats_is_mute_just_before_the_target_while_others_speak(repeating: Feed) -> None:
    """So that it is found and told by then."""
    found = None
    for second in range(1, 35):
        repeating.pass_second(tickers("B"))
        if repeating.mute() and found is None:
            found = second
    assert found is not None and 26 <= found <= 29
    [mute] = repeating.standing.mute
    assert mute.since == NOON + 60_000
    assert mute.reason == "ticker:B since 2025-12-22 12:01:00 UTC, though it comes every 0.76 s"
    assert repeating.standing.instruments == {Heard.FRESH: 3, Heard.MUTE: 1}

    repeating.pass_second(tickers())
    assert repeating.mute() == []


def test_what_is_as_silent_as_all_others_is_quiet(repeating: Feed) -> None:
    """That is the venue's affair."""
    for _ in range(120):
        repeating.pass_second([])

    assert repeating.standing.instruments == {Heard.QUIET: 4}
    assert repeating.standing.troubles == ()


def test_a_channel_that_is_silent_while_others_speak_is_told_as_one(repeating: Feed) -> None:
    for _ in range(5):
        repeating.pass_second([*tickers(), "trade:A", "trade:B"])
    for _ in range(31):
        repeating.pass_second(["trade:A", "trade:B"])

    [channel] = repeating.standing.channels
    assert channel.subscription == "ticker"
    assert channel.reason.startswith("all tickers since 2025-12-22 12:01:0")
    assert repeating.mute() == []
    assert repeating.standing.instruments == {Heard.MUTE: 4}


def test_what_has_no_rhythm_yet_is_quiet_however_long_it_is_silent(repeating: Feed) -> None:
    repeating.pass_second([*tickers(), "trade:A", "trade:B"])
    for _ in range(3_600):
        repeating.pass_second([*tickers(), "trade:A"])

    assert repeating.standing.by_channel["trade"] == {Heard.FRESH: 1, Heard.QUIET: 1}
    assert repeating.standing.instruments == {Heard.FRESH: 3, Heard.QUIET: 1}


def trading(seconds: int, *, seed: int = 1, mean_s: float = 4.0) -> Feed:
    """Trades of four instruments at random, for so long."""
    rand = random.Random(seed)
    feed = Feed(Roster(30.0))
    for _ in range(seconds):
        feed.pass_second([f"trade:{symbol}" for symbol in SYMBOLS if rand.random() < 1 / mean_s])
    return feed


def test_a_rhythm_is_learned_and_its_breach_is_found_within_three_expected_gaps() -> None:
    feed, rand = trading(90_000), random.Random(2)
    trade = feed.roster.channels["trade"]
    expected_s = trade.expected_s(trade.series["A"], "continuous")
    assert expected_s is not None and 20 < expected_s < 50
    silent = 0
    while not feed.mute():
        feed.pass_second([f"trade:{symbol}" for symbol in "BCD" if rand.random() < 0.25])
        silent += 1
        assert silent < 3.3 * expected_s

    assert feed.mute() == ["trade:A"]
    assert ", as a rule silent for " in feed.standing.mute[0].reason


def test_a_lull_of_all_is_no_breach() -> None:
    """Lunch: everybody trades a tenth as much for an hour."""
    feed, rand = trading(90_000), random.Random(3)
    for _ in range(3_600):
        feed.pass_second([f"trade:{symbol}" for symbol in SYMBOLS if rand.random() < 0.025])
        assert feed.standing.troubles == ()


def test_an_outage_that_was_found_does_not_become_the_rhythm() -> None:
    feed, rand = trading(90_000), random.Random(4)
    trade = feed.roster.channels["trade"]
    before_s = trade.expected_s(trade.series["A"], "continuous")
    for _ in range(5_000):
        feed.pass_second([f"trade:{symbol}" for symbol in "BCD" if rand.random() < 0.25])
    for _ in range(600):
        feed.pass_second([f"trade:{symbol}" for symbol in SYMBOLS if rand.random() < 0.25])

    after_s = trade.expected_s(trade.series["A"], "continuous")
    assert before_s is not None and after_s is not None and after_s < 1.5 * before_s


def test_what_was_not_heard_on_this_connection_is_not_judged() -> None:
    """It is unproven, or nobody asks for it any more: it must not look mute for ever."""
    feed = Feed(Roster(30.0, {"ticker": 0.76}), unproven=("ticker:C",))
    feed.heard = {b"ticker:OLD": b"%d" % (NOON - 2)}
    for _ in range(100):
        feed.pass_second(tickers("C"))

    assert feed.standing.instruments == {Heard.FRESH: 3, Heard.NEVER: 1}
    assert feed.standing.troubles == ()


def test_a_reconnection_begins_anew(repeating: Feed) -> None:
    for _ in range(40):
        repeating.pass_second(tickers("B"))
    assert repeating.mute() == ["ticker:B"]

    repeating.reading = replace(repeating.reading, connected_since=repeating.now_ms)
    repeating.pass_second(tickers("B"), unproven=("ticker:B",))

    assert repeating.mute() == []
    assert repeating.standing.instruments == {Heard.FRESH: 3, Heard.NEVER: 1}


def test_what_others_said_before_a_reconnection_is_no_measure_of_a_channels_silence_after_it() -> None:
    """Else half a minute of it would pass for a whole one."""
    channel = Channel("trade")
    channel.interrupt(100.0, Neighbours(words=500, per_s=1.0))

    assert Neighbours(words=530, per_s=1.0).own_time_s(30.0, channel.whole) == 30.0


def test_without_a_connection_nothing_is_fresh_and_nothing_mute(repeating: Feed) -> None:
    for _ in range(60):
        repeating.pass_second([], connected=False)

    assert repeating.standing.instruments == {Heard.QUIET: 4}


def test_a_closed_market_is_closed(repeating: Feed) -> None:
    repeating.pass_second([], closed=True, trading=False, unproven=("ticker:Z",))

    assert repeating.standing.instruments == {Heard.CLOSED: 4}


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000])
def test_a_clock_that_was_set_makes_nobody_mute_or_heard(repeating: Feed, step_ms: int) -> None:
    for _ in range(10):
        repeating.pass_second(tickers("B"))
    feed = repeating
    feed.heard = {name: b"%d" % (int(at) + min(0, step_ms)) for name, at in feed.heard.items()}
    for second in range(1, 10):
        feed.second += 1
        for name in tickers("B"):
            feed.heard[name.encode()] = b"%d" % (feed.now_ms + step_ms)
        sent_at = feed.now_ms + step_ms
        reading = replace(feed.reading, heard=dict(feed.heard), sent_at=sent_at, stepped=second == 1,
                          connected_since=NOON - 1)  # fmt: skip
        feed.standing = feed.roster.listen(reading, 100.0 + feed.second)
        assert feed.mute() == []


def test_what_is_not_subscribed_to_any_more_is_forgotten(repeating: Feed) -> None:
    del repeating.heard[b"ticker:B"]
    for _ in range(60):
        repeating.pass_second(tickers("B"))

    assert repeating.standing.instruments == {Heard.FRESH: 3}
    assert "B" not in repeating.roster.channels["ticker"].series


def polled(seconds: int, roster: Roster, *, frozen: str = "", vanished: str = "") -> Feed:
    """A source that is asked each ten seconds; rows move now and then."""
    rand = random.Random(5)
    feed = Feed(roster, polled_every_s=10.0)
    polled_on(feed, seconds, rand, frozen, vanished)
    return feed


def polled_on(feed: Feed, seconds: int, rand: random.Random, frozen: str = "", vanished: str = "") -> None:
    for _ in range(seconds):
        asked = feed.second % 10 == 9
        moved = {symbol: 101.0 + feed.second for symbol in SYMBOLS if asked and rand.random() < 0.5}
        for symbol in (frozen, vanished):
            moved.pop(symbol, None)
        feed.pass_second(tickers(vanished) if asked else [], moved=moved)


def test_a_row_that_is_answered_always_the_same_is_mute_after_longer_than_a_circuit_breaker() -> None:
    feed = polled(20_000, Roster(30.0))
    began = feed.second
    while not feed.mute():
        polled_on(feed, 1, random.Random(feed.second), frozen="C")
        assert feed.second - began < 1_000
    assert feed.second - began > 600

    [mute] = feed.standing.mute
    assert mute.frozen
    assert mute.reason.startswith("ticker:C always the same since ")
    polled_on(feed, 5, random.Random(1), frozen="C")
    assert feed.mute() == ["ticker:C"]
    polled_on(feed, 60, random.Random(6))
    assert feed.mute() == []


def test_how_often_a_source_was_asked_is_not_the_rhythm_of_its_socket() -> None:
    """A vendor whose socket had brought nothing is asked for a while; then it sends again, of a thin share seldom."""
    feed = polled(7_200, Roster(30.0))
    for second in range(1200):
        spoke = tickers("A") if second % 4 == 0 else []
        feed.pass_second(spoke, polled_every_s=None, connected_since=NOON + 7_200_000)
        assert feed.mute() == []
    assert feed.standing.by_channel["ticker"] == {Heard.FRESH: 3, Heard.QUIET: 1}


def test_a_row_that_vanishes_is_mute_after_three_polls() -> None:
    feed = polled(300, Roster(30.0))
    polled_on(feed, 45, random.Random(6), vanished="C")

    assert feed.mute() == ["ticker:C"]
    assert feed.standing.mute[0].reason.endswith("though it comes every 10 s")


def test_before_the_opening_and_in_the_auctions_nothing_is_mute() -> None:
    feed = polled(300, Roster(30.0))
    for _ in range(2_000):
        feed.pass_second([], trading=False, phase="closing")
    assert feed.standing.instruments == {Heard.QUIET: 4}
    feed.pass_second([])
    assert feed.standing.instruments == {Heard.FRESH: 4}


def test_what_an_earlier_monitor_found_mute_is_so_until_it_speaks(repeating: Feed) -> None:
    for _ in range(40):
        repeating.pass_second(tickers("B"))
    found = list(repeating.roster.mute.values())
    repeating.roster = Roster(30.0, {"ticker": 0.76})
    repeating.roster.hold(found)

    repeating.pass_second(tickers("B"))
    assert repeating.standing.mute == tuple(found)
    repeating.pass_second(tickers())
    assert repeating.mute() == []


def test_of_garbage_in_the_hash_nothing_is_made() -> None:
    feed = Feed(Roster(30.0))
    feed.heard = {b"": b"1", b"ticker": b"2", b"ticker:\xff": b"x", b"ticker:A": b"-5", b":": b"9" * 40}
    for _ in range(3):
        feed.pass_second(["ticker:B"])

    assert feed.standing.troubles == ()
