"""A venue's subscriptions, each judged by its own rhythm and by what its neighbours say: no I/O and no clock.

Once a second it is told what the ingest has heard; it looks at what has changed, and at what has been silent for long.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from spark_monitor.rhythm import EXPECTED, Channel, Series
from spark_monitor.standing import Heard, Mute, Standing, span, utc

MOVES: Final = "moves"
"""The channel of a polled source's rows that differ from those before: a frozen row is answered too."""
_CHANNEL_OF_MOVES: Final = "ticker"
EARLIER: Final = 0.9
"""A limit is looked for a tenth earlier, so that it is found and told by then."""
_FROZEN_S: Final = 900.0
"""A circuit breaker stops one share for ten minutes: of a single row that long proves nothing."""
_STOOD_STILL_S: Final = 10.0
_MOST_AGE_S: Final = 5.0
_SPEAK: Final = 5
"""So many words of neighbours, and a subscription's silence is its own."""
_MOST: Final = 10_000
"""So many subscriptions are kept at most; a venue has some hundreds."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is known of a venue's words at one moment.

    ``heard`` is the bus's hash as it is. It, ``sent_at`` (the last heartbeat's) and ``connected_since`` are of the
    ingest's clock, in ms; ``beat_age_s`` is how old that heartbeat is. ``stepped`` says that that clock was set
    meanwhile. ``polled_every_s`` is None for a venue that sends by itself; of another ``moved`` are the symbols whose
    ticker came with news since the reading before. ``trading`` is whether words can be expected now at all, and
    ``closed`` whether the market is.
    """

    heard: Mapping[bytes, bytes]
    sent_at: int
    beat_age_s: float = 0.0
    connected: bool = True
    connected_since: int | None = None
    stepped: bool = False
    unproven: tuple[str, ...] = ()
    polled_every_s: float | None = None
    moved: Mapping[str, float] = field(default_factory=dict)
    phase: str = "continuous"
    trading: bool = True
    closed: bool = False


class Roster:
    """One venue's. ``now`` is always the monotonic clock, in seconds."""

    def __init__(self, target_s: float, repeats_s: Mapping[str, float] | None = None) -> None:
        """``target_s`` is the shortest silence that is too long; ``repeats_s`` are channels that repeat, how often."""
        self._target_s = target_s
        self.channels = {name: Channel(name, period_s) for name, period_s in (repeats_s or {}).items()}
        self._by_field: dict[bytes, tuple[Channel, Series]] = {}
        self._heard: Mapping[bytes, bytes] = {}
        self._told: dict[str, Mute] = {}
        self._held: dict[str, int] = {}
        self._now: float | None = None
        self._of: tuple[int | None, str] = (None, "")

    def hold(self, mute: Mapping[str, int]) -> None:
        """Take over what an earlier monitor found mute, and since when: it is until it speaks."""
        self._held = dict(mute)

    @property
    def mute(self) -> Mapping[str, Mute]:
        """What is mute now, by subscription or channel."""
        return self._told

    def listen(self, reading: Reading, now: float) -> Standing:
        """Take in what was heard, and judge."""
        seconds = 0.0 if self._now is None else now - self._now
        self._now = now
        of = (reading.connected_since, reading.phase)
        listening = reading.connected and reading.trading and seconds <= _STOOD_STILL_S and of == self._of
        self._of = of
        spoke = self._changes(reading, now)
        for channel in self.channels.values():
            if listening:
                channel.take(spoke.get(channel.name, ()), seconds, now, reading.phase)
            else:
                channel.interrupt(now)
        if not reading.connected or not reading.trading:
            self._told = {}
            self._held = {}
        return self._judge(reading, now)

    def _changes(self, reading: Reading, now: float) -> dict[str, list[tuple[Series, float]]]:
        """Return who has spoken since the reading before, by channel; nobody when the ingest's clock was set."""
        before, self._heard = self._heard, reading.heard
        if len(before) > len(reading.heard):
            self._forget(before.keys() - reading.heard.keys())
        changed = [name for name, at in reading.heard.items() if before.get(name) != at]
        spoke: dict[str, list[tuple[Series, float]]] = {}
        beat = now - reading.beat_age_s
        for name in changed:
            known = self._by_field.get(name)
            if known is None:
                self._join(name, now)
            elif not reading.stepped:
                channel, series = known
                age_s = (reading.sent_at - _ms(reading.heard[name])) / 1000
                at = beat - min(_MOST_AGE_S, max(0.0, age_s))
                spoke.setdefault(channel.name, []).append((series, max(at, series.last)))
        if reading.polled_every_s is not None:
            spoke[MOVES] = self._moves(reading, now)
        return spoke

    def _moves(self, reading: Reading, now: float) -> list[tuple[Series, float]]:
        channel = self._channel(MOVES)
        tickers = self.channels.get(_CHANNEL_OF_MOVES)
        for symbol in tickers.series if tickers else ():
            if symbol not in channel.series:
                channel.series[symbol] = Series(symbol, now, channel.words)
        return [(series, at) for symbol, at in reading.moved.items() if (series := channel.series.get(symbol))]

    def _join(self, name: bytes, now: float) -> None:
        channel_name, _, symbol = name.decode(errors="replace").partition(":")
        if not symbol or len(self._by_field) >= _MOST:
            return
        channel = self._channel(channel_name)
        series = channel.series.get(symbol)
        if series is None:
            series = channel.series[symbol] = Series(symbol, now, channel.words)
        else:  # remembered by an earlier monitor
            series.interrupt(now, channel.words)
        self._by_field[name] = channel, series

    def _forget(self, names: set[bytes]) -> None:
        for name in names:
            channel, series = self._by_field.pop(name, (None, None))
            if channel is not None and series is not None:
                channel.series.pop(series.symbol, None)
                self._told.pop(f"{channel.name}:{series.symbol}", None)
                if channel.name == _CHANNEL_OF_MOVES and MOVES in self.channels:
                    self.channels[MOVES].series.pop(series.symbol, None)

    def _channel(self, name: str) -> Channel:
        channel = self.channels.get(name)
        if channel is None:
            channel = self.channels[name] = Channel(name)
        return channel

    def _judge(self, reading: Reading, now: float) -> Standing:
        mute_channels = tuple(self._mute_channels(reading, now))
        silent = {mute.subscription for mute in mute_channels}
        told: dict[str, Mute] = {mute.subscription: mute for mute in mute_channels}
        verdicts: dict[str, Heard] = {}
        by_channel: dict[str, Counter[Heard]] = {name: Counter() for name in self.channels if name != MOVES}
        worst: dict[str, Heard] = {}
        mutes: list[Mute] = []
        never = [] if reading.closed else sorted(reading.unproven)
        for name, (channel, series) in self._by_field.items():
            if not _current(reading, reading.heard[name]):
                continue
            subscription = name.decode(errors="replace")
            found = self._verdict(reading, channel, series, now, in_silence=channel.name in silent)
            reason = ""
            if found is not Heard.MUTE and channel.name == _CHANNEL_OF_MOVES and reading.polled_every_s is not None:
                moves = self.channels[MOVES]
                row = moves.series.get(series.symbol)
                if row is not None and self._verdict(reading, moves, row, now, in_silence=False) is Heard.MUTE:
                    found, reason = Heard.MUTE, self._reason(reading, moves, row, now)
            found = self._kept(found, subscription, reading.heard[name], now)
            if found is Heard.MUTE and channel.name not in silent:
                mute = self._told.get(subscription)
                if mute is None:
                    why = reason or self._reason(reading, channel, series, now)
                    mute = Mute(subscription, _ms(reading.heard[name]), why)
                told[subscription] = mute
                mutes.append(mute)
            verdicts[subscription] = found
            by_channel[channel.name][found] += 1
            worst[series.symbol] = _worse(worst.get(series.symbol), found)
        for subscription in never:
            if subscription not in verdicts:
                channel_name, _, symbol = subscription.partition(":")
                by_channel.setdefault(channel_name, Counter())[Heard.NEVER] += 1
                if symbol:
                    worst[symbol] = _worse(worst.get(symbol), Heard.NEVER)
        self._told = told
        return Standing(
            by_channel=by_channel,
            instruments=Counter(worst.values()),
            mute=tuple(sorted(mutes, key=lambda mute: mute.subscription)),
            channels=mute_channels,
            never=tuple(never),
        )

    def _verdict(
        self, reading: Reading, channel: Channel, series: Series, now: float, *, in_silence: bool
    ) -> Heard:
        if reading.closed:
            return Heard.CLOSED
        silence_s = now - series.last
        floor_s = self._floor_s(reading, channel)
        if silence_s <= EARLIER * floor_s:
            return Heard.FRESH
        if not reading.trading or not reading.connected:
            return Heard.QUIET
        if in_silence:
            expected_s = series.expected_s(reading.phase)
            repeats = channel.period_s is not None
            own = repeats or (expected_s is not None and silence_s > EARLIER * EXPECTED * expected_s)
            return Heard.MUTE if own else Heard.QUIET
        if len(channel.series) > 1 and channel.others_said(series) < _SPEAK:
            return Heard.QUIET
        if channel.period_s is not None or self._is_asked(reading, channel):
            return Heard.MUTE
        expected_s = series.expected_s(reading.phase)
        if expected_s is None or silence_s <= EARLIER * EXPECTED * expected_s / 2:  # it cannot pass that fast
            return Heard.QUIET
        own_s = channel.silence_s(series, now, reading.phase)
        return Heard.MUTE if own_s > EARLIER * EXPECTED * expected_s else Heard.QUIET

    def _kept(self, found: Heard, subscription: str, at: bytes, now: float) -> Heard:
        """Return what an earlier monitor found, as long as nothing has been heard since."""
        since = self._held.get(subscription)
        if since is None:
            return found
        if since == _ms(at) and found in {Heard.FRESH, Heard.QUIET}:
            return Heard.MUTE
        del self._held[subscription]
        return found

    def _is_asked(self, reading: Reading, channel: Channel) -> bool:
        """Return whether each answer of a polled source is heard on this channel, news or not."""
        return reading.polled_every_s is not None and channel.name != MOVES

    def _floor_s(self, reading: Reading, channel: Channel) -> float:
        if reading.polled_every_s is None:
            return max(self._target_s, EXPECTED * (channel.period_s or 0.0))
        floor_s = max(self._target_s, EXPECTED * reading.polled_every_s)
        return max(_FROZEN_S, floor_s) if channel.name == MOVES else floor_s

    def _mute_channels(self, reading: Reading, now: float) -> Iterator[Mute]:
        """Yield each channel of which nothing at all is heard while others speak."""
        if not reading.trading or not reading.connected or reading.closed or reading.polled_every_s is not None:
            return
        for channel in self.channels.values():
            if not channel.series or not channel.whole.learns:
                continue
            silence_s = now - channel.whole.last
            if silence_s <= EARLIER * self._target_s:
                continue
            others = [other for other in self.channels.values() if other is not channel and other.whole.learns]
            if not any(other.whole.last > channel.whole.last + silence_s / 2 for other in others):
                continue  # all are as silent: that is the venue's affair
            limit_s = EXPECTED * self._target_s
            if channel.period_s is not None:
                limit_s = self._target_s
            elif (expected_s := channel.whole.expected_s(reading.phase)) is not None:
                limit_s = max(self._target_s, EXPECTED * expected_s)
            elif channel.period_s is None:
                continue
            if silence_s > EARLIER * limit_s:
                before = self._told.get(channel.name)
                since = reading.sent_at - round((silence_s - reading.beat_age_s) * 1000)
                yield before or Mute(
                    channel.name, since, f"the {channel.name} channel since {utc(since)}, while others speak"
                )

    def _reason(self, reading: Reading, channel: Channel, series: Series, now: float) -> str:
        others = channel.others_said(series)
        since = utc(reading.sent_at - round((now - series.last - reading.beat_age_s) * 1000))
        if channel.name == MOVES:
            name, does = f"{_CHANNEL_OF_MOVES}:{series.symbol}", "frozen"
        else:
            name, does = f"{channel.name}:{series.symbol}", "silent"
        if channel.period_s is not None or self._is_asked(reading, channel):
            every_s = channel.period_s or reading.polled_every_s or 0.0
            return f"{name} {does} since {since}, though it comes every {every_s:g} s"
        expected_s = series.expected_s(reading.phase) or 0.0
        return f"{name} {does} since {since}, with gaps of {span(expected_s)} at most as a rule and {others} words of others"


def _current(reading: Reading, at: bytes) -> bool:
    """Return whether something was heard on this connection: if not it is unproven, or not subscribed any more."""
    since = reading.connected_since
    return since is None or since > reading.sent_at or _ms(at) >= since


def _worse(one: Heard | None, other: Heard) -> Heard:
    return other if one is None or _BADNESS[other] > _BADNESS[one] else one


def _ms(text: bytes) -> int:
    return int(text) if text.isdigit() else 0


_BADNESS: Final = {verdict: number for number, verdict in enumerate(Heard)}
