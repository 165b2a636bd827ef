"""One channel's rhythm: how often each of its subscriptions speaks, and how often all of them together do.

A gap is measured in the channel's own time, which passes as fast as the neighbours speak against their usual rate: at
night, at lunch and on a Sunday everyone's gaps grow, and nobody's do by that time. So one distribution holds for all
hours, and a silence is judged by what the neighbours said meanwhile. ``now`` is always the monotonic clock, in seconds.
"""

import math
from collections.abc import Iterable
from typing import Final

from spark_monitor.gaps import MOST_KNOWN, Gaps

EXPECTED: Final = 3
"""So many expected gaps without a word are too many."""
_ENOUGH: Final = 100
"""Fewer gaps than this tell nothing of the longest ones."""
_ENOUGH_FOR_RARE: Final = 1_000
_TAIL: Final = 1.5
"""By what the thousandth longest gap is longer than the hundredth, where gaps are as random as trades."""
_CAUTION: Final = 6.0
"""The fewer gaps are known, the further may the estimate be off: by less than six over their root, as a rule."""
_OUTLIER: Final = 2.0
"""A gap that was too long counts as twice the expected one: the rhythm follows a change, and no single outage."""
_NOISE: Final = 10
"""So many words of neighbours, said and expected alike, are assumed beside those counted: a few prove nothing."""
_BUSIEST: Final = 2.0
_RATE_TIME_S: Final = 7 * 86_400.0


class Rate:
    """How many words a second are usual, over about a week of the time that this was watched."""

    __slots__ = ("seconds", "words")

    def __init__(self, words: float = 0.0, seconds: float = 0.0) -> None:
        self.words = words
        self.seconds = seconds

    def add(self, words: int, seconds: float) -> None:
        """So many words came in so many seconds."""
        kept = math.exp(-seconds / _RATE_TIME_S)
        self.words = self.words * kept + words
        self.seconds = self.seconds * kept + seconds

    @property
    def per_s(self) -> float:
        """Words a second; 0 when nothing is known."""
        return self.words / self.seconds if self.seconds else 0.0


class Series:
    """One subscription: when it last spoke, and its gaps by phase of the session."""

    __slots__ = ("_expected_s", "_expected_when", "gaps", "last", "learns", "spoken", "symbol")

    def __init__(self, symbol: str, now: float, spoken: int) -> None:
        self.symbol = symbol
        self.gaps: dict[str, Gaps] = {}
        self.interrupt(now, spoken)
        self._expected_s: float | None = None
        self._expected_when = ("", -1)

    def interrupt(self, now: float, spoken: int) -> None:
        """Count its silence from now on: nothing could be heard before, and the gap that runs is none of its own."""
        self.last = now
        self.spoken = spoken
        self.learns = False

    def expected_s(self, phase: str) -> float | None:
        """Return what hardly a gap in a thousand is longer than; None while too few are known."""
        gaps = self.gaps.get(phase)
        if gaps is None or gaps.known < _ENOUGH:
            return None
        when = (phase, gaps.added >> 5)
        if when != self._expected_when:
            rare = gaps.quantile_s(0.999) if gaps.known >= _ENOUGH_FOR_RARE else 0.0
            caution = 1 + _CAUTION / math.sqrt(min(gaps.known, MOST_KNOWN))
            self._expected_s = max(_TAIL * gaps.quantile_s(0.99), rare) * caution
            self._expected_when = when
        return self._expected_s

    def usual_rate(self, phase: str) -> float:
        """Return its own words a second, 0 while none are known."""
        gaps = self.gaps.get(phase)
        return 1 / gaps.mean_s if gaps is not None and gaps.known else 0.0

    def learn(self, gap_s: float, phase: str) -> None:
        """A gap between two words is over."""
        gaps = self.gaps.get(phase)
        if gaps is None:
            gaps = self.gaps[phase] = Gaps()
        expected_s = self.expected_s(phase)
        gaps.add(gap_s if expected_s is None else min(gap_s, _OUTLIER * expected_s))


class Channel:
    """All subscriptions of one channel, by symbol. A ``period_s`` says that the venue repeats each so often."""

    def __init__(self, name: str, period_s: float | None = None) -> None:
        self.name = name
        self.period_s = period_s
        self.series: dict[str, Series] = {}
        self.whole = Series("", 0.0, 0)
        self.rates: dict[str, Rate] = {}
        self.words = 0

    def take(self, spoke: Iterable[tuple[Series, float]], seconds: float, now: float, phase: str) -> None:
        """In the last ``seconds`` these spoke, each at a time of its own."""
        words = list(spoke)
        self.words += len(words)
        rate = self.rates.get(phase)
        if rate is None:
            rate = self.rates[phase] = Rate()
        rate.add(len(words), seconds)
        if self.period_s is None:
            usual = rate.per_s
            for series, at in words:
                if series.learns:
                    silence_s = at - series.last
                    series.learn(self._own_time_s(series, silence_s, 1, usual, phase), phase)
        for series, at in words:
            series.last, series.spoken, series.learns = at, self.words, True
        if words:
            newest = max(at for _, at in words)
            if self.whole.learns and self.period_s is None:
                self.whole.learn(newest - self.whole.last, phase)
            self.whole.last, self.whole.learns = newest, True

    def silence_s(self, series: Series, now: float, phase: str) -> float:
        """Return for how long a subscription has been silent, in the channel's own time."""
        rate = self.rates.get(phase)
        silence_s = now - series.last
        return self._own_time_s(series, silence_s, 0, rate.per_s if rate else 0.0, phase)

    def others_said(self, series: Series) -> int:
        """Return how many words its neighbours have said since it spoke."""
        return self.words - series.spoken

    def _own_time_s(self, series: Series, seconds: float, own: int, usual: float, phase: str) -> float:
        expected = max(0.0, usual - series.usual_rate(phase)) * seconds
        others = self.words - series.spoken - own
        return seconds * min(_BUSIEST, (others + _NOISE) / (expected + _NOISE))

    def interrupt(self, now: float) -> None:
        """Nothing could be heard until now."""
        for series in self.series.values():
            series.interrupt(now, self.words)
        self.whole.interrupt(now, 0)
