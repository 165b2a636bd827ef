"""Whatever happens to two ingests: each trade is told once and in order, or lies in a gap."""

from hypothesis import given, settings
from hypothesis import strategies as st

from spark_ingest_btcturk.received import TradeRow
from spark_ingest_btcturk.tape import NOTHING, ToPublish
from spark_market.messages import Gap, Trade
from support.examples import NOON

from .tapes import FIRST_ID, a_tape, row


class World:
    """A venue that lists its last 5 trades, two ingests, and the bus that the leading one writes to."""

    LISTED = 5

    def __init__(self) -> None:
        self.traded: list[TradeRow] = []
        self.bus: list[tuple[Trade | Gap, int]] = []  # with how many trades there had been
        self.tapes = [a_tape(), a_tape()]
        self.joined = [False, False]
        self.leader = 0
        for _ in range(3):
            self.trade()
        self.publish(0, self.tapes[0].resume(None))
        self.join(0)

    def publish(self, who: int, told: ToPublish) -> None:
        if who != self.leader:
            assert told == NOTHING
        if told.gap is not None:
            self.bus.append((told.gap, len(self.traded)))
        self.bus += [(trade, len(self.traded)) for trade in told.trades]

    def mark(self) -> str | None:
        trades = [message for message, _ in self.bus if isinstance(message, Trade)]
        return f"{trades[-1].id} {trades[-1].venue_time}" if trades else None

    def trade(self) -> None:
        self.traded.append(row(3 * len(self.traded)))
        for who in (0, 1):
            if self.joined[who]:
                self.publish(who, self.tapes[who].traded(self.traded[-1], NOON))

    def repeat(self) -> None:
        for who in (0, 1):
            if self.joined[who]:
                self.publish(who, self.tapes[who].traded(self.traded[-1], NOON))

    def drop(self, who: int) -> None:
        self.publish(who, self.tapes[who].interrupted("closed", NOON))
        self.joined[who] = False

    def join(self, who: int, outrun: int = 0) -> None:
        if not self.joined[who]:
            self.joined[who] = True
            for _ in range(outrun):
                self.trade()
            self.publish(who, self.tapes[who].listed(self.traded[-self.LISTED :], NOON))

    def restart(self, who: int) -> None:
        self.tapes[who], self.joined[who] = a_tape(), False
        if who == self.leader:
            self.publish(who, self.tapes[who].resume(self.mark(), "start"))

    def take_over(self) -> None:
        self.tapes[self.leader].stand_by()
        self.leader = 1 - self.leader
        self.publish(self.leader, self.tapes[self.leader].resume(self.mark(), "takeover"))


_WHO = st.integers(0, 1)
_STEPS = st.one_of(
    st.tuples(st.just("trade"), st.integers(1, 7)),
    st.tuples(st.just("repeat"), st.none()),
    st.tuples(st.just("drop"), _WHO),
    st.tuples(st.just("join"), _WHO),
    st.tuples(st.just("outrun"), _WHO),
    st.tuples(st.just("restart"), _WHO),
    st.tuples(st.just("take over"), st.none()),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(_STEPS, max_size=25))
def test_whatever_happens_each_trade_is_told_once_in_order_or_lies_in_a_gap(
    steps: list[tuple[str, int | None]],
) -> None:
    """And no gap is told where the list showed that nothing was lost."""
    world = World()
    for step, what in [*steps, ("join", world.leader)]:
        match step, what:
            case "trade", int():
                for _ in range(what):
                    world.trade()
            case "repeat", _:
                world.repeat()
            case "drop", int():
                world.drop(what)
            case "join", int():
                world.join(what)
            case "outrun", int():
                world.join(what, outrun=2)
            case "restart", int():
                world.restart(what)
            case "take over", _:
                world.take_over()
    world.join(world.leader)

    told = [int(message.id) for message, _ in world.bus if isinstance(message, Trade)]
    assert told == sorted(set(told))
    untold = {one.venue_time for one in world.traded} - {
        message.venue_time for message, _ in world.bus if isinstance(message, Trade)
    }
    newest, gaps = -1, list[Gap]()
    for message, traded in world.bus:
        if isinstance(message, Gap):
            gaps.append(message)
            # As many as fill a list must have come after the last trade known, else the list would have had it.
            assert traded - 1 - newest >= World.LISTED
            continue
        newest = (int(message.id) - FIRST_ID) // 3
        assert message.venue_time is not None
        missed = {time for time in untold if time < message.venue_time}
        assert all(any(gap.from_ <= time <= gap.to for gap in gaps) for time in missed)
        untold -= missed
    assert not untold  # the last list closes with the last trade
