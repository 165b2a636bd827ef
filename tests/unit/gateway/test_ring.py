"""The ring and its index hold the same, whatever comes and goes."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from spark_bus.cursor import EntryId
from spark_gateway.events import Frame
from spark_gateway.ring import Ring

KINDS = ("ticker", "trade", "book", "gap")
SYMBOLS = ("A", "B", "C")
MOST = 10

batches = st.lists(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(SYMBOLS)), max_size=15), max_size=12)


def frames(batch: list[tuple[str, str]], at: int) -> list[Frame]:
    return [
        Frame(EntryId(1_000 + at + number, 0), kind, kind, symbol, b"", b"")
        for number, (kind, symbol) in enumerate(batch)
    ]


@given(batches, st.integers(0, 12))
@settings(max_examples=200)
def test_the_index_finds_what_a_walk_would(batches: list[list[tuple[str, str]]], restart_at: int) -> None:
    ring, kept, floor, at = Ring(MOST), deque[Frame](), EntryId(0, 0), 0
    for number, batch in enumerate(batches):
        if number == restart_at:
            ring.restart([], EntryId(at, 0))
            kept, floor = deque(), EntryId(at, 0)
        items = frames(batch, at)
        at += len(batch)
        ring.extend(items)
        kept.extend(items)
        while len(kept) > MOST:
            floor = kept.popleft().entry

        newest_first = list(reversed(kept))
        assert list(ring) == list(kept)
        assert list(reversed(ring)) == newest_first
        assert (ring.floor, ring.oldest) == (floor, kept[0].entry if kept else None)
        assert list(ring.trades(None)) == [item for item in newest_first if item.kind == "trade"]
        assert list(ring.trades({"A", "C", "none"})) == [
            item for item in newest_first if item.kind == "trade" and item.symbol != "B"
        ]
        assert list(ring.ticks("B", ("ticker",))) == [
            item for item in newest_first if item.kind == "gap" or (item.kind, item.symbol) == ("ticker", "B")
        ]
