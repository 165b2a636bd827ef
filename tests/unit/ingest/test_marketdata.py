"""What is published when subscriptions, directory, REST and lease change at the worst moment; no sockets, no clock."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from integration.ingest.listening import NOBODY, btc, eth
from integration.ingest.test_channels import changed, listed, traded, whole
from integration.ingest.test_instruments import answer, row
from spark_bus.publisher import Claim, Outgoing
from spark_ingest_btcturk.channels import CHANNELS, Subscription
from spark_ingest_btcturk.directory import Directory, read_exchangeinfo
from spark_ingest_btcturk.listener import Listener, MalformedLog
from spark_ingest_btcturk.marketdata import MarketData
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.protocol import BtcTurkProtocol
from spark_ingest_btcturk.subscriptions import Subscriptions
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Book, Gap, Message, Side, Ticker, Trade
from support.examples import NOON
from support.fake_venue import exchangeinfo

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


class Conversation:
    """One connection with everything behind it, told what the venue says and when."""

    def __init__(self, *symbols: str) -> None:
        self.published: list[Message] = []
        self.registry = CollectorRegistry()
        self.subscriptions = Subscriptions()
        self._directory = Directory(["*"])
        metrics = IngestMetrics(self.registry)
        self.market = MarketData(self._directory, Mode.MOCK, Side.BUY, metrics)
        self._rest = BtcTurkProtocol(Mode.MOCK, self._directory.pairs)
        self.list_(*symbols)
        self.subscriptions.opened(0.0)
        self.listener = Listener(
            BtcTurkProtocol(Mode.MOCK, self._directory.pairs),
            self.subscriptions,
            self._directory,
            self.market,
            lambda: (),
            metrics,
            MalformedLog(),
        )

    def list_(self, *symbols: str) -> None:
        """Let the venue list these, and tell the sockets of it."""
        before = set(self._directory.pairs)
        self.learn(*symbols)
        for gone in before - set(self._directory.pairs):
            for channel in CHANNELS:
                self.market.forget(Subscription(channel, gone))
        self.subscriptions.want([Subscription(c, pair) for pair in self._directory.pairs for c in CHANNELS], 0.0)
        self.market.tend(0.0)

    def learn(self, *symbols: str) -> None:
        """Let the venue list these; the sockets do not know of it yet."""
        for _ in range(2):
            self._directory.load(read_exchangeinfo(exchangeinfo(*symbols))[0])

    def lead(self, claim: Claim = NOBODY, cause: str = "start") -> None:
        unproven = self.subscriptions.unproven()
        self.market.lead(claim, self._put, cause, [one for one in self.subscriptions.all() if one not in unproven])

    def _put(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            decoded = wire.decode(message.data)
            assert decoded is not None
            self.published.append(decoded)

    def hear(self, frame: object, at: int) -> None:
        self.listener.take(str(frame).encode(), at, at / 1000)

    def poll(self, price: str, at: int) -> None:
        self.market.take_polled(self._rest.read_rest_tickers(answer(row(price, at=at)), at), at, at / 1000)

    @property
    def told(self) -> list[object]:
        """What was published, in short."""
        return [_short(message) for message in self.published]


def _short(message: Message) -> object:
    match message:
        case Gap():
            return message.channel, message.symbol, message.from_, message.to, message.cause
        case Ticker():
            return message.symbol, int(message.price or 0)
        case Trade():
            return message.id
        case Book():
            return message.previous, message.sequence
        case _:
            return message


def claimed(at: int, *heard: str) -> Claim:
    """Return the answer to one who takes over from a writer who published and heard up to a moment."""
    return Claim(
        epoch="e", born=False, last={"ticker": at, "book": at}, heard=dict.fromkeys(heard, at), marks={}
    )  # fmt: skip


def test_what_was_on_its_way_from_a_pair_just_delisted_is_no_harm() -> None:
    """The sockets learn of a delisting a moment after the directory."""
    venue = Conversation("BTC_TRY", "ETH_TRY")
    venue.lead()
    venue.learn("ETH_TRY")

    for frame in (btc(1), listed([1, 2]), *traded(3), whole(7, {99: 1}, {101: 1}), changed(8, 1, 98, 1)):
        venue.hear(frame, NOON)

    assert venue.told == []


def test_a_pair_that_comes_back_as_it_was_is_told_of_with_the_time_in_which_it_was_not_carried() -> None:
    """Its value had gone from the bus with it; and the start of this process, days ago, is no reason for a gap."""
    venue = Conversation("BTC_TRY", "ETH_TRY")
    venue.lead(claimed(NOON, "ticker:ETH_TRY"))
    venue.hear(eth(5), NOON + 1)
    venue.hear(eth(5), NOON + DAY_MS)
    venue.published.clear()

    venue.list_("BTC_TRY")
    venue.list_("BTC_TRY", "ETH_TRY")
    venue.hear(eth(5), NOON + DAY_MS + 60_000)
    venue.hear(eth(5), NOON + DAY_MS + 61_000)

    assert venue.told == [
        ("ticker", "ETH_TRY", NOON + DAY_MS, NOON + DAY_MS + 60_000, "delisted"), ("ETH_TRY", 5),
    ]  # fmt: skip


def test_a_new_pair_knows_nothing_of_a_time_in_which_others_came_over_rest() -> None:
    venue = Conversation("BTC_TRY")
    venue.lead()
    venue.poll("20", NOON)
    venue.hear(btc(21), NOON + 1_000)

    venue.list_("BTC_TRY", "ETH_TRY")
    venue.hear(eth(5), NOON + DAY_MS)

    assert venue.told == [
        ("BTC_TRY", 20), ("ticker", "BTC_TRY", NOON, NOON + 1_000, "polled"), ("BTC_TRY", 21), ("ETH_TRY", 5),
    ]  # fmt: skip


def test_one_that_takes_over_while_it_polls_tells_of_what_it_had_polled_before() -> None:
    """The next readings only repeat it, and the bus would stay behind."""
    venue = Conversation("BTC_TRY")
    venue.poll("20", NOON)
    venue.poll("21", NOON + 1_000)

    venue.lead(claimed(NOON, "ticker:BTC_TRY"), "takeover")
    venue.poll("21", NOON + 2_000)
    venue.poll("21", NOON + 4_000)

    assert venue.told == [("ticker", None, NOON, NOON + 2_000, "takeover"), ("BTC_TRY", 21)]


def test_a_takeover_tells_of_each_book_from_its_own_last_word() -> None:
    """One that has been quiet for an hour does not make holes in the others."""
    venue = Conversation("BTC_TRY", "ETH_TRY")
    for pair in ("BTCTRY", "ETHTRY"):
        venue.hear(whole(7, {99: 1}, {101: 1}, pair), NOON - HOUR_MS)
    claim = Claim(
        epoch="e", born=False, last={"book": NOON},
        heard={"book:BTC_TRY": NOON, "book:ETH_TRY": NOON - HOUR_MS}, marks={},
    )  # fmt: skip

    venue.lead(claim, "takeover")

    gaps = [message for message in venue.published if isinstance(message, Gap)]
    assert [(gap.channel, gap.symbol, gap.from_, gap.cause) for gap in gaps] == [
        ("book", "BTC_TRY", NOON, "takeover"), ("book", "ETH_TRY", NOON - HOUR_MS, "takeover"),
    ]  # fmt: skip
    assert venue.told[2:] == [(None, "7"), (None, "7")]


def test_a_ticker_that_was_mute_before_all_sockets_were_lost_makes_no_hole_in_the_others() -> None:
    venue = Conversation("BTC_TRY", "ETH_TRY")
    venue.lead()
    venue.hear(eth(5), NOON - HOUR_MS)
    venue.listener.fell_mute([Subscription("ticker", "ETHTRY")])
    venue.hear(btc(1), NOON)
    venue.listener.interrupted("closed")
    venue.published.clear()

    venue.poll("20", NOON + 60_000)

    assert venue.told == [
        ("ticker", "ETH_TRY", NOON - HOUR_MS, NOON + 60_000, "mute"),
        ("ticker", "BTC_TRY", NOON, NOON + 60_000, "closed"),
        ("BTC_TRY", 20),
    ]


def test_a_ticker_that_was_not_proven_at_a_takeover_is_told_of_even_if_it_comes_unchanged() -> None:
    venue = Conversation("BTC_TRY")
    ticker = Subscription("ticker", "BTCTRY")
    venue.hear(btc(5), NOON)
    venue.listener.fell_mute([ticker])
    venue.subscriptions.distrust(ticker, NOON / 1000)
    venue.subscriptions.tend(NOON / 1000)

    venue.lead(claimed(NOON - 5_000, "ticker:BTC_TRY"), "takeover")
    venue.hear(btc(5), NOON + 3_000)
    venue.hear(btc(5), NOON + 4_000)

    assert venue.told == [("ticker", "BTC_TRY", NOON - 5_000, NOON + 3_000, "takeover"), ("BTC_TRY", 5)]


def test_changes_of_a_broken_book_are_not_heard() -> None:
    """A successor goes by it: what this process has not disclosed yet would be missing from its gap."""
    venue = Conversation("BTC_TRY")
    venue.lead()
    venue.hear(whole(7, {99: 1}, {101: 1}), NOON)
    venue.hear(changed(9, 1, 98, 1), NOON + 100)
    venue.hear(changed(10, 1, 97, 1), NOON + 30_000)
    assert venue.market.heard["book:BTC_TRY"] == NOON

    venue.subscriptions.tend(NOON / 1000 + 31)
    venue.hear(whole(20, {99: 1}, {101: 1}), NOON + 31_000)
    venue.hear(changed(21, 1, 98, 1), NOON + 32_000)

    assert venue.market.heard["book:BTC_TRY"] == NOON + 32_000
    assert venue.told == [(None, "7"), ("book", "BTC_TRY", NOON, NOON + 31_000, "jump"), (None, "20"), ("20", "21")]


def test_a_book_that_comes_while_its_next_join_still_waits_does_not_hide_what_that_join_costs() -> None:
    """It is whole, and goes on until it is left; what changes until its join is answered came to nobody."""
    venue = Conversation("BTC_TRY")
    venue.lead()
    venue.hear(whole(7, {99: 1}, {101: 1}), NOON)
    venue.hear(changed(9, 1, 98, 1), NOON + 100)
    venue.hear(whole(9, {99: 1, 98: 1}, {101: 1}), NOON + 200)
    venue.hear(changed(10, 1, 97, 1), NOON + 300)
    venue.subscriptions.tend(NOON / 1000 + 31)
    venue.hear(whole(14, {99: 1}, {101: 1}), NOON + 31_000)

    assert venue.told == [
        (None, "7"), ("book", "BTC_TRY", NOON, NOON + 200, "jump"), (None, "9"), ("9", "10"),
        ("book", "BTC_TRY", NOON + 300, NOON + 31_000, "jump"), (None, "14"),
    ]  # fmt: skip


def test_a_book_that_comes_again_as_it_is_hides_nothing() -> None:
    venue = Conversation("BTC_TRY")
    venue.lead()
    venue.hear(whole(7, {99: 1}, {101: 1}), NOON)
    venue.hear(whole(7, {99: 1}, {101: 1}), NOON + 100)

    assert venue.told == [(None, "7"), (None, "7")]


def test_a_trade_that_the_list_of_a_join_has_but_garbled_is_disclosed() -> None:
    venue = Conversation("BTC_TRY")
    venue.lead()
    venue.hear(listed([1, 2, 3]), NOON)
    venue.listener.interrupted("closed")
    venue.subscriptions.opened(NOON / 1000)

    venue.hear(str(listed(range(1, 7))).replace('"104.0"', '"NaN"'), NOON + 1_000)

    [first, second] = [message.venue_time for message in venue.published if isinstance(message, Trade)][2:4]
    assert venue.told == ["1", "2", "3", ("trade", "BTC_TRY", first, (second or 0) + 1, "malformed"), "5", "6"]


def test_a_first_list_with_a_garbled_row_is_history_all_the_same() -> None:
    venue = Conversation("BTC_TRY")
    venue.lead()

    venue.hear(str(listed(range(1, 4))).replace('"102.0"', '"NaN"'), NOON)

    assert venue.told == ["1", "3"]


def test_a_stream_of_rubbish_is_joined_again_now_and_then_and_told_of_as_often() -> None:
    """Not with every frame: at the venue's rates that is a hundred lines of log a second."""
    venue = Conversation("BTC_TRY")
    venue.lead()
    rubbish = str(changed(8, 7, 97, 1))
    joins = 0
    for tenth in range(600):
        now = NOON + 100 * tenth
        venue.hear(rubbish, now)
        joins += any("obdiff" in frame for frame in venue.subscriptions.tend(now / 1000).frames)

    resyncs = venue.registry.get_sample_value(
        "spark_ingest_resyncs_total", {"venue": "btcturk", "channel": "book", "cause": "malformed"}
    )
    assert joins == 6, "after 0, 1, 2, 4, 8 and 16 s"
    assert resyncs == 7, "the next one is waiting"
