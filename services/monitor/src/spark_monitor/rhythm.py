"""One channel's rhythm: how often each of its subscriptions speaks, and how often all of them together do.

A gap is measured in the channel's own time, which passes as fast as the neighbours speak against their usual rate: at
night, at lunch and on a Sunday everyone's gaps grow, and nobody's do by that time. So one distribution holds for all
hours, and a silence is judged by what the neighbours said meanwhile. ``now`` is always the monotonic clock, in seconds.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

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
_DAY_S: Final = 86_400.0
_RATE_TIME_S: Final = 7 * _DAY_S
_FIRST_DAY: Final = 3.0


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


class Neighbours(NamedTuple):
    """The words of others so far, and how many a second are usual."""

    words: int
    per_s: float

    def own_time_s(self, seconds: float, series: "Series") -> float:
        """Return how long ``seconds`` were, for one who last spoke that long ago, by the time that these keep."""
        return _own_time_s(seconds, self.words - series.spoken, self.per_s)


def _own_time_s(seconds: float, said: int, usual_per_s: float) -> float:
    return seconds * min(_BUSIEST, (said + _NOISE) / (usual_per_s * seconds + _NOISE))


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
        self.asked = False
        """Whether each word is an answer now: how often a source is asked is not how often it would speak by itself."""
        self.series: dict[str, Series] = {}
        self.whole = Series("", 0.0, 0)
        """All of it as one: its neighbours are the venue's other channels."""
        self.rates: dict[str, Rate] = {}
        self.words = 0

    @property
    def repeats(self) -> bool:
        """Whether words come though nothing has changed, so that there is no rhythm to be learned from them."""
        return self.asked or self.period_s is not None

    def count(self, words: int, seconds: float, phase: str) -> None:
        """So many words came in the last ``seconds``, whoever's."""
        self.words += words
        if self.asked:
            return
        rate = self.rates.get(phase)
        if rate is None:
            rate = self.rates[phase] = Rate()
        rate.add(words, seconds)

    def take(self, spoke: Sequence[tuple[Series, float]], phase: str, others: Neighbours) -> None:
        """These spoke, each at a time of its own; all of them are counted already."""
        if not spoke:
            return
        learning = not self.repeats
        if learning:
            usual = self.usual_rate(phase)
            for series, at in spoke:
                if series.learns:
                    series.learn(self._own_time_s(series, at - series.last, 1, usual, phase), phase)
        newest = 0.0
        for series, at in spoke:
            series.last, series.spoken, series.learns = at, self.words, True
            newest = max(newest, at)
        if learning and self.whole.learns:
            self.whole.learn(others.own_time_s(newest - self.whole.last, self.whole), phase)
        self.whole.last, self.whole.spoken, self.whole.learns = newest, others.words, True

    def usual_rate(self, phase: str) -> float:
        """Return how many words a second are usual, 0 while nothing is known."""
        rate = self.rates.get(phase)
        return rate.per_s if rate is not None else 0.0

    def expected_s(self, series: Series, phase: str) -> float | None:
        """Return what hardly a gap of a subscription, or of the whole, is longer than; None while nobody can tell.

        More on the first day: nobody knows the night yet.
        """
        expected_s = series.expected_s(phase)
        if expected_s is None:
            return None
        rate = self.rates.get(phase)
        days = min(1.0, rate.seconds / _DAY_S) if rate is not None else 0.0
        return expected_s * (_FIRST_DAY - (_FIRST_DAY - 1) * days)

    def silence_s(self, series: Series, now: float, phase: str) -> float:
        """Return for how long a subscription has been silent, in the channel's own time."""
        return self._own_time_s(series, now - series.last, 0, self.usual_rate(phase), phase)

    def _own_time_s(self, series: Series, seconds: float, own: int, usual: float, phase: str) -> float:
        others = max(0.0, usual - series.usual_rate(phase))
        return _own_time_s(seconds, self.words - series.spoken - own, others)

    def interrupt(self, now: float, others: Neighbours) -> None:
        """Nothing could be heard until now; what ``others`` said until then is no measure of the silence to come."""
        for series in self.series.values():
            series.interrupt(now, self.words)
        self.whole.interrupt(now, others.words)
