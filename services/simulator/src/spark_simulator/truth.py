"""The truth: every trade that happened and every change of a book, sent or not, in two bounded accounts."""

from collections.abc import Mapping

import msgspec

from spark_simulator.delivery import Fate
from spark_simulator.pages import Pages

_MOST_TRADES = 100_000
_MOST_CHANGE_SETS = 100_000
_MOST_BYTES = 64 * 1024 * 1024


class TradeEntry(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One execution.

    ``side`` is the taker's, ``code`` what the feed says for it. ``sent`` is how many sockets were given its 422 as it
    is; ``faults`` what kept or altered it, for how many sockets.
    """

    seq: int
    pair: str
    id: str
    time: int
    price: str
    size: str
    side: str
    code: int
    sent: int
    faults: Mapping[str, int]


class ChangeSetEntry(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One change of a published book; ``levels`` is how many it changes; ``frame`` is the true 432.

    ``frame`` is None when nobody had joined; ``change_set`` is None for one that a mute hid.
    """

    seq: int
    at: float
    pair: str
    change_set: int | None
    levels: int
    frame: str | None
    sent: int
    faults: Mapping[str, int]


class Truth:
    """What the ledger of frames cannot say: it does not know what was withheld."""

    def __init__(self) -> None:
        self.trades: Pages[TradeEntry] = Pages(_MOST_TRADES, _MOST_BYTES)
        self.change_sets: Pages[ChangeSetEntry] = Pages(_MOST_CHANGE_SETS, _MOST_BYTES)

    def trade(self, pair: str, id: str, time: int, price: str, size: str, side: str, code: int, fate: Fate) -> None:
        """Note that a trade happened."""
        seq = self.trades.next
        self.trades.add(TradeEntry(seq, pair, id, time, price, size, side, code, fate.sent, fate.faults), 0)

    def change_set(self, at: float, pair: str, number: int | None, levels: int, frame: str | None, fate: Fate) -> None:
        """Note that a book changed; ``at`` is ms since the epoch."""
        seq = self.change_sets.next
        entry = ChangeSetEntry(seq, at, pair, number, levels, frame, fate.sent, fate.faults)
        self.change_sets.add(entry, len(frame or ""))
