"""A venue's subscriptions, each judged by its own rhythm and by what its neighbours say: no I/O and no clock.

Once a second it is told what the ingest has heard; it looks at what has changed, and at what has been silent for long.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from spark_monitor.reading import Reading, milliseconds
from spark_monitor.rhythm import EXPECTED, Channel, Neighbours, Series
from spark_monitor.standing import Heard, Mute, Standing, span, utc

MOVES: Final = "moves"
"""The channel of a polled source's rows that differ from those before: a frozen row is answered too."""
EARLIER: Final = 0.9
"""A limit is looked for a tenth earlier, so that it is found and told by then."""
_TICKER: Final = "ticker"
_FROZEN_S: Final = 900.0
"""A circuit breaker stops one share for ten minutes: of a single row that long proves nothing."""
_STOOD_STILL_S: Final = 10.0
"""Who has not looked for longer takes several words for one; where each is asked for, half an interval hides none."""
_MOST_AGE_S: Final = 5.0
_SPEAK: Final = 5
"""So many words of neighbours, and a subscription's silence is its own."""
_LATELY_S: Final = 5.0
_MOST: Final = 10_000
"""So many subscriptions are kept at most; a venue has some hundreds."""
_BADNESS: Final = {verdict: number for number, verdict in enumerate(Heard)}

Spoke = dict[str, list[tuple[Series, float]]]
"""Who has spoken, and when, by channel."""


class _Subscription:
    """One field of the bus's hash, and when it was last heard by the ingest's clock (ms)."""

    __slots__ = ("at", "channel", "name", "series")

    def __init__(self, name: str, channel: Channel, series: Series, at: int) -> None:
        self.name = name
        self.channel = channel
        self.series = series
        self.at = at


class Roster:
    """One venue's. ``now`` is always the monotonic clock, in seconds."""

    def __init__(self, target_s: float, repeats_s: Mapping[str, float] | None = None) -> None:
        """``target_s`` is the shortest silence that is too long; ``repeats_s`` are channels that repeat, how often."""
        self._target_s = target_s
        self.channels = {name: Channel(name, period_s) for name, period_s in (repeats_s or {}).items()}
        self._subscriptions: dict[bytes, _Subscription] = {}
        self._heard: Mapping[bytes, bytes] = {}
        self._mute: dict[str, Mute] = {}
        self._now: float | None = None
        self._life: tuple[int | None, str, bool] = (None, "", True)

    @property
    def mute(self) -> Mapping[str, Mute]:
        """What is mute now, by subscription or channel."""
        return self._mute

    def hold(self, mute: Iterable[Mute]) -> None:
        """Take over what an earlier monitor found mute: it is, until it speaks."""
        self._mute = {each.subscription: each for each in mute}

    def channel(self, name: str) -> Channel:
        """Return a channel, made when it is not there."""
        found = self.channels.get(name)
        if found is None:
            found = self.channels[name] = Channel(name)
        return found

    def listen(self, reading: Reading, now: float) -> Standing:
        """Take in what was heard, and judge."""
        seconds = 0.0 if self._now is None else now - self._now
        life = (reading.connected_since, reading.phase, reading.polled_every_s is None)
        stood_still_s = max(_STOOD_STILL_S, (reading.polled_every_s or 0.0) / 2)
        hears = reading.connected and reading.trading and life == self._life and seconds <= stood_still_s
        self._now, self._life = now, life
        spoke = self._changes(reading, now)
        for channel in self.channels.values():
            channel.asked = reading.polled_every_s is not None and channel.name != MOVES
        if hears:
            self._take(spoke, reading, seconds)
        else:
            for channel in self.channels.values():
                channel.interrupt(now, self._neighbours(channel, reading.phase))
        if not reading.connected or not reading.trading:
            self._mute = {}
        return self._judge(reading, now)

    def _take(self, spoke: Spoke, reading: Reading, seconds: float) -> None:
        phase = reading.phase
        self.channel(MOVES)
        for channel in self.channels.values():
            words = len(reading.moved) if channel.name == MOVES else len(spoke.get(channel.name, ()))
            channel.count(words, seconds, phase)
        for channel in self.channels.values():
            channel.take(spoke.get(channel.name, ()), phase, self._neighbours(channel, phase))

    def _neighbours(self, channel: Channel, phase: str) -> Neighbours:
        """Return what the other channels say, those that repeat left out: they tell nothing of how busy a market is."""
        others = [other for other in self.channels.values() if other is not channel and not other.repeats]
        return Neighbours(sum(other.words for other in others), sum(other.usual_rate(phase) for other in others))

    def _changes(self, reading: Reading, now: float) -> Spoke:
        """Return who has spoken since the reading before; nobody when the ingest's clock was set."""
        before, self._heard = self._heard, reading.heard
        for name in before.keys() - reading.heard.keys():
            self._forget(name)
        spoke: Spoke = {}
        beat = now - reading.beat_age_s
        for name in [name for name, at in reading.heard.items() if before.get(name) != at]:
            at = milliseconds(reading.heard[name])
            known = self._subscriptions.get(name)
            if known is None:
                self._join(name, at, now)
                continue
            known.at = at
            if not reading.stepped:
                age_s = min(_MOST_AGE_S, max(0.0, (reading.sent_at - at) / 1000))
                spoken = known.series, max(beat - age_s, known.series.last)
                spoke.setdefault(known.channel.name, []).append(spoken)
        if reading.polled_every_s is not None:
            spoke[MOVES] = self._moves(reading, now)
        return spoke

    def _moves(self, reading: Reading, now: float) -> list[tuple[Series, float]]:
        moves = self.channel(MOVES)
        for symbol in self.channel(_TICKER).series.keys() - moves.series.keys():
            moves.series[symbol] = Series(symbol, now, moves.words)
        return [(series, at) for symbol, at in reading.moved.items() if (series := moves.series.get(symbol))]

    def _join(self, name: bytes, at: int, now: float) -> None:
        subscription = name.decode(errors="replace")
        channel_name, _, symbol = subscription.partition(":")
        if not symbol or len(self._subscriptions) >= _MOST:
            return
        channel = self.channel(channel_name)
        series = channel.series.get(symbol)
        if series is None:
            series = channel.series[symbol] = Series(symbol, now, channel.words)
        else:  # remembered from an earlier monitor
            series.interrupt(now, channel.words)
        self._subscriptions[name] = _Subscription(subscription, channel, series, at)

    def prune(self) -> None:
        """Forget what an earlier monitor had learned of instruments that are not subscribed to any more."""
        if not self._subscriptions:
            return
        for channel in self.channels.values():
            like = _TICKER if channel.name == MOVES else channel.name
            for symbol in [
                symbol for symbol in channel.series if f"{like}:{symbol}".encode() not in self._subscriptions
            ]:
                del channel.series[symbol]

    def _forget(self, name: bytes) -> None:
        gone = self._subscriptions.pop(name, None)
        if gone is not None:
            self._mute.pop(gone.name, None)
            gone.channel.series.pop(gone.series.symbol, None)
            if gone.channel.name == _TICKER and MOVES in self.channels:
                self.channels[MOVES].series.pop(gone.series.symbol, None)

    def _judge(self, reading: Reading, now: float) -> Standing:
        channels = tuple(self._mute_channels(reading, now))
        silent = {mute.subscription for mute in channels}
        mute: dict[str, Mute] = {}
        by_channel: dict[str, Counter[Heard]] = {name: Counter() for name in self.channels if name != MOVES}
        instruments: dict[str, Heard] = {}
        since = self._current_since(reading)
        for subscription in self._subscriptions.values():
            if subscription.at < since:
                continue  # unproven, or not subscribed any more
            channel, symbol = subscription.channel.name, subscription.series.symbol
            verdict = self._verdict(reading, subscription.channel, subscription.series, now, silent)
            found = self._found_mute(reading, subscription, verdict, now)
            if found is not None:
                verdict = Heard.MUTE
                mute[subscription.name] = found
            by_channel[channel][verdict] += 1
            worst = instruments.get(symbol)
            if worst is None or _BADNESS[verdict] > _BADNESS[worst]:
                instruments[symbol] = verdict
        for name in () if reading.closed else reading.unproven:
            channel, _, symbol = name.partition(":")
            by_channel.setdefault(channel, Counter())[Heard.NEVER] += 1
            if symbol and instruments.get(symbol) is not Heard.MUTE:
                instruments[symbol] = Heard.NEVER
        self._mute = mute | {each.subscription: each for each in channels}
        return Standing(
            by_channel=by_channel,
            instruments=Counter(instruments.values()),
            mute=tuple(mute[name] for name in sorted(mute) if name.partition(":")[0] not in silent),
            channels=channels,
            never=tuple(sorted(reading.unproven)),
        )

    def _current_since(self, reading: Reading) -> float:
        """Return when (ms, ingest's clock) what is heard on this connection was heard at the earliest."""
        since = reading.connected_since
        if since is None:
            return reading.sent_at - self._target_s * 1000
        return since if since <= reading.sent_at else 0  # its clock was set back meanwhile

    def _verdict(self, reading: Reading, channel: Channel, series: Series, now: float, silent: set[str]) -> Heard:
        if reading.closed:
            return Heard.CLOSED
        if not reading.trading or not reading.connected:
            return Heard.QUIET
        silence_s = now - series.last
        if silence_s <= EARLIER * self._floor_s(reading, channel):
            return Heard.FRESH
        alone = channel.name in silent
        if not alone and not self._others_speak(reading, channel, series, now):
            return Heard.QUIET  # what is silent in company is its company's affair
        if channel.repeats:
            return Heard.MUTE
        expected_s = channel.expected_s(series, reading.phase)
        if expected_s is None:
            return Heard.QUIET
        own_s = silence_s if alone else channel.silence_s(series, now, reading.phase)
        return Heard.MUTE if own_s > EARLIER * EXPECTED * expected_s else Heard.QUIET

    def _others_speak(self, reading: Reading, channel: Channel, series: Series, now: float) -> bool:
        """Return whether others of its channel have spoken meanwhile, and still do."""
        lately_s = max(_LATELY_S, 1.5 * (reading.polled_every_s or 0.0))
        if channel.period_s is None:
            lately_s = max(lately_s, channel.expected_s(channel.whole, reading.phase) or self._target_s / 2)
        return channel.words - series.spoken >= _SPEAK and now - channel.whole.last <= lately_s

    def _floor_s(self, reading: Reading, channel: Channel) -> float:
        every_s = channel.period_s or 0.0 if reading.polled_every_s is None else reading.polled_every_s
        floor_s = max(self._target_s, EXPECTED * every_s)
        return max(_FROZEN_S, floor_s) if channel.name == MOVES else floor_s

    def _found_mute(self, reading: Reading, subscription: _Subscription, verdict: Heard, now: float) -> Mute | None:
        """Return what is to be said of a subscription that is mute; one that was found so is until it speaks."""
        if verdict is Heard.CLOSED:
            return None
        found, series = self._mute.get(subscription.name), subscription.series
        if found is not None and not found.frozen and found.since == subscription.at:
            return found
        if verdict is Heard.MUTE:
            return Mute(subscription.name, subscription.at, self._why_mute(reading, subscription, now))
        if reading.polled_every_s is None or subscription.channel.name != _TICKER:
            return None
        if found is not None and found.frozen and series.symbol not in reading.moved:
            return found
        moves = self.channels[MOVES]
        row = moves.series.get(series.symbol)
        if row is None or self._verdict(reading, moves, row, now, set()) is not Heard.MUTE:
            return None
        since = reading.sent_at - round((now - row.last - reading.beat_age_s) * 1000)
        why = f"{subscription.name} always the same since {utc(since)}{_as_a_rule(row, moves, reading.phase)}"
        return Mute(subscription.name, since, why, frozen=True)

    def _why_mute(self, reading: Reading, subscription: _Subscription, now: float) -> str:
        channel = subscription.channel
        silent = f"{subscription.name} since {utc(subscription.at)}"
        every_s = channel.period_s if reading.polled_every_s is None else reading.polled_every_s
        if every_s is not None:
            return f"{silent}, though it comes every {every_s:g} s"
        return silent + _as_a_rule(subscription.series, channel, reading.phase)

    def _mute_channels(self, reading: Reading, now: float) -> Iterator[Mute]:
        """Yield each channel of which nothing at all is heard while others speak."""
        if not reading.trading or not reading.connected or reading.polled_every_s is not None:
            return
        for channel in self.channels.values():
            if not channel.series or channel.name == MOVES:
                continue
            known, silence_s = self._mute.get(channel.name), now - channel.whole.last
            if known is not None and not channel.whole.learns:
                yield known
                continue
            half = now - silence_s / 2
            others = [other for other in self.channels.values() if other is not channel and other.name != MOVES]
            if silence_s <= EARLIER * self._target_s or not any(other.whole.last > half for other in others):
                continue
            if channel.period_s is None:
                expected_s = channel.expected_s(channel.whole, reading.phase)
                own_s = self._neighbours(channel, reading.phase).own_time_s(silence_s, channel.whole)
                if expected_s is None or own_s <= EARLIER * EXPECTED * expected_s:
                    continue
            since = reading.sent_at - round((silence_s - reading.beat_age_s) * 1000)
            yield known or Mute(channel.name, since, f"all {channel.name}s since {utc(since)}, while others speak")


def _as_a_rule(series: Series, channel: Channel, phase: str) -> str:
    expected_s = channel.expected_s(series, phase)
    others = channel.words - series.spoken
    rule = "" if expected_s is None else f", as a rule silent for {span(expected_s)} at most"
    return f"{rule}; {others} words of others meanwhile"
