"""How long one subscription is usually silent: its gaps on a logarithmic scale, the old ones slowly forgotten.

A histogram rather than five markers: it is exact to a bucket for any distribution, forgets by a growing weight for new
gaps, and is packed as it is. It never grows.
"""

import math
from array import array
from typing import Final, NamedTuple

_SHORTEST_S: Final = 0.25
_PER_OCTAVE: Final = 4
"""Buckets are a fifth wide: nothing here needs to know a gap better than that."""
_BUCKETS: Final = 80  # to three days
_HALF_LIFE: Final = 2_000
"""After so many gaps an old one counts half. The thousandth part of what then counts is three gaps."""
_GROWTH: Final = 2 ** (1 / _HALF_LIFE)
_HEAVY: Final = 1e6
MOST_KNOWN: Final = round(1 / (1 - 1 / _GROWTH))
"""What all gaps, forgotten ones included, add up to in the end."""
_EDGES: Final = tuple(_SHORTEST_S * 2 ** ((bucket + 1) / _PER_OCTAVE) for bucket in range(_BUCKETS))
_LONGEST_S: Final = 0.99 * _EDGES[-1]


class Packed(NamedTuple):
    """The gaps as they are kept: how many are known, their mean (s), and from which bucket on how many are in each."""

    known: int
    mean_s: float
    first: int
    counts: list[float]


class Gaps:
    """One subscription's, in one phase of the session. Seconds."""

    __slots__ = ("_counts", "_sum_s", "_total", "_weight", "added", "known")

    def __init__(self) -> None:
        self.known = 0
        """How many gaps this knows, the forgotten ones left out: `MOST_KNOWN` at most."""
        self.added = 0
        """How often this was added to since it was made."""
        self._counts = array("d", bytes(8 * _BUCKETS))
        self._weight = 1.0
        self._total = 0.0
        self._sum_s = 0.0

    def add(self, gap_s: float) -> None:
        """Learn of a gap; what is none, or a negative one, counts as the shortest."""
        gap_s = min(gap_s, _LONGEST_S) if gap_s > _SHORTEST_S else _SHORTEST_S
        weight = self._weight
        self._counts[int(_PER_OCTAVE * math.log2(gap_s / _SHORTEST_S))] += weight
        self._total += weight
        self._sum_s += weight * gap_s
        self._weight = weight * _GROWTH
        self.added += 1
        if self.known < MOST_KNOWN:
            self.known += 1
        if self._weight > _HEAVY:
            self._lighten(1 / self._weight)

    def _lighten(self, factor: float) -> None:
        self._counts = array("d", (count * factor for count in self._counts))
        self._total *= factor
        self._sum_s *= factor
        self._weight *= factor

    @property
    def mean_s(self) -> float:
        """The mean gap; infinity when none is known."""
        return self._sum_s / self._total if self._total else math.inf

    def quantile_s(self, share: float) -> float:
        """Return what a ``share`` of the gaps (0 to 1) is no longer than, never too little; infinity without any."""
        if not self._total:
            return math.inf
        beyond = (1 - share) * self._total
        above = 0.0
        for bucket in range(_BUCKETS - 1, -1, -1):
            above += self._counts[bucket]
            if above > beyond:
                return _EDGES[bucket]
        return _EDGES[0]

    def pack(self) -> Packed:
        """Return what is known, to be kept: the newest gap counts 1."""
        scale = 1 / self._weight
        counts = [round(count * scale, 4) for count in self._counts]
        used = [bucket for bucket, count in enumerate(counts) if count]
        if not used:
            return Packed(0, 0.0, 0, [])
        return Packed(self.known, round(self.mean_s, 4), used[0], counts[used[0] : used[-1] + 1])

    @classmethod
    def unpack(cls, packed: Packed) -> "Gaps":
        """Take over what was kept. Raises ValueError when it cannot be that."""
        known, mean_s, first, counts = packed
        sane = 0 <= first <= _BUCKETS - len(counts) and all(0 <= count < _HEAVY for count in counts)
        if not sane or not 0 <= known <= MOST_KNOWN or not 0 <= mean_s <= _EDGES[-1]:
            raise ValueError(f"these are no gaps: {known} known, mean {mean_s:g} s, {len(counts)} from {first}")
        gaps = cls()
        for bucket, count in enumerate(counts, first):
            gaps._counts[bucket] = count
        gaps._total = sum(counts)
        gaps._sum_s = mean_s * gaps._total
        gaps.known = known if gaps._total else 0
        return gaps
