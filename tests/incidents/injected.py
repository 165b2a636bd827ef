"""What can go wrong, done to a model at a random moment; each says by when the monitor has to have found it."""

import random
from collections.abc import Callable, Iterable
from typing import Final

from incidents.models import Crypto, Shares
from incidents.trial import Found, Trial
from spark_market.messages import Status

AT_LEAST_S: Final = 30.0
GAPS: Final = 3.0
_NOISE: Final = 1.15
"""What the neighbours said tells how fast the market's time passed, but not to the last percent."""
_POLLS: Final = 3
_OVER_S: Final = 420.0

Incident = Callable[[Trial, random.Random], None]


def _run(
    trial: Trial,
    kind: str,
    is_found: Callable[[], bool],
    *,
    expecting: Callable[[str], bool],
    end: Callable[[], None],
    limit_s: float = AT_LEAST_S,
    gap_s: float | None = None,
    each_second: Callable[[], None] = lambda: None,
    rand: random.Random,
) -> None:
    """Wait until it is found or should have been, then let it last for a while, end it, and wait until all is well.

    With a ``gap_s`` it may take three of them, longer by how quiet the market is, if that is more than ``limit_s``.
    """
    venue, began = trial.venue, trial.now_ms
    pace = venue.operational_s / max(1.0, trial.account.open_seconds)
    own_s = 0.0
    found = Found(kind, began)
    trial.account.found.append(found)
    trial.expecting = expecting
    while found.took_s is None:
        each_second()
        before = venue.operational_s
        trial.step(1.0)
        took_s = (trial.now_ms - began) / 1000
        own_s += min(1.0, (venue.operational_s - before) / pace)
        if is_found():
            found.took_s = took_s
            found.in_gaps = None if gap_s is None else own_s / gap_s
        elif took_s > limit_s and (gap_s is None or own_s > GAPS * gap_s * _NOISE):
            trial.account.missed.append(f"MISSED {kind} at {began} after {took_s:.0f} s: {trial.status} {trial.reason}")
            break
    for _ in range(rand.randrange(20, 120)):
        each_second()
        trial.step(1.0)
    end()
    trial.recover(_OVER_S + 5 * (gap_s or 0.0))  # what was mute is, until it happens to speak again
    trial.expecting = None


def _mute(trial: Trial, kind: str, names: Iterable[str], rand: random.Random, gap_s: float | None = None) -> None:
    venue = trial.venue
    known = venue.series | (venue.tickers if isinstance(venue, Crypto) else {})
    series = [known[name] for name in names]

    def be_mute(mute: bool) -> None:
        for each in series:
            each.muted = mute

    symbols = {each.name.partition(":")[2] for each in series}

    def is_found() -> bool:
        return trial.status is Status.DEGRADED and any(f"mute:{of}" in alarm for alarm in _open(trial) for of in ids)

    channels = {each.name.partition(":")[0] for each in series}
    ids = {f"{channel}:{symbol}" for channel in channels for symbol in symbols} if len(symbols) == 1 else channels
    be_mute(True)
    limit_s = AT_LEAST_S if isinstance(venue, Crypto) else max(AT_LEAST_S, _POLLS * venue.interval_ms / 1000)
    _run(
        trial, kind, is_found, expecting=lambda alarm: ":mute" in alarm, end=lambda: be_mute(False), rand=rand,
        gap_s=gap_s, limit_s=limit_s,
    )  # fmt: skip


def _open(trial: Trial) -> list[str]:
    return [alarm.id for alarm in trial.mind.alarms.open]


def mute_pair(trial: Trial, rand: random.Random) -> None:
    """Nothing comes of one instrument any more."""
    symbol = rand.choice(trial.venue.symbols)
    names = [f"{channel}:{symbol}" for channel in trial.venue.channels]
    _mute(trial, "mute pair", names, rand)


def mute_subscription(trial: Trial, rand: random.Random) -> None:
    """The trades or the book of one pair stay away, which its ticker does not tell."""
    known = [name for name in trial.venue.series if (trial.expected_s(name) or 1e9) < 1_800]
    if known:
        name = rand.choice(known)
        _mute(trial, f"mute {name.partition(':')[0]}s of a pair", [name], rand, gap_s=trial.expected_s(name))


def mute_channel(trial: Trial, rand: random.Random) -> None:
    """Nothing comes of one channel any more, while the others go on."""
    venue = trial.venue
    assert isinstance(venue, Crypto)
    channel = rand.choice(venue.channels)
    names = [f"{channel}:{symbol}" for symbol in venue.symbols]
    gap_s = None if channel == "ticker" else trial.expected_s(channel)
    if channel == "ticker" or gap_s is not None:
        _mute(trial, "mute channel", names, rand, gap_s=gap_s)


def mute_socket(trial: Trial, rand: random.Random) -> None:
    """The connection stands, pongs go on, and nothing is said."""
    ingest = trial.venue.ingest
    ingest.silent = True

    def end() -> None:
        ingest.silent = False

    limit_s = AT_LEAST_S + 1
    if isinstance(trial.venue, Shares):
        limit_s = (_POLLS + 1) * trial.venue.interval_ms / 1000 + 1
    _run(
        trial, "mute socket", lambda: trial.status is Status.STALE, expecting=lambda _: True, end=end, limit_s=limit_s,
        rand=rand,
    )  # fmt: skip


def slow_death(trial: Trial, rand: random.Random) -> None:
    """One pair after the other falls silent."""
    venue = trial.venue
    assert isinstance(venue, Crypto)
    dying = list(venue.symbols)
    rand.shuffle(dying)
    dead: list[str] = []

    def each_second() -> None:
        if dying and (not dead or rand.random() < 0.1):
            symbol = dying.pop()
            dead.append(symbol)
            set_muted(symbol, muted=True)

    def set_muted(symbol: str, *, muted: bool) -> None:
        venue.tickers[f"ticker:{symbol}"].muted = muted
        for channel in ("trade", "book"):
            venue.series[f"{channel}:{symbol}"].muted = muted

    def end() -> None:
        for symbol in dead:
            set_muted(symbol, muted=False)

    _run(
        trial, "slow death", lambda: trial.status in {Status.DEGRADED, Status.STALE}, expecting=lambda _: True, end=end,
        each_second=each_second, rand=rand,
    )  # fmt: skip


def routine_reconnect(trial: Trial, rand: random.Random) -> None:
    """A socket is closed, and there is another after a moment: readers are told, and nobody is called."""
    trial.account.found.append(Found("routine reconnect", trial.now_ms, 0.0))
    trial.venue.ingest.lose()
    for _ in range(rand.randrange(1, 5)):
        trial.step(1.0)
        if trial.status is not Status.DOWN:
            trial.account.missed.append(f"MISSED routine reconnect at {trial.now_ms}: {trial.status} {trial.reason}")
    trial.venue.connect(trial.now_ms)
    trial.recover(_OVER_S)


def reconnect_storm(trial: Trial, rand: random.Random) -> None:
    """A connection is lost as soon as it stands, again and again; others hold."""
    ingest = trial.venue.ingest
    due = [0.0, 1.0, 3.0, 7.0, 15.0, *(31.0 + 16 * n for n in range(40))]
    began = trial.now_ms

    def each_second() -> None:
        while due and due[0] <= (trial.now_ms - began) / 1000:
            due.pop(0)
            ingest.reconnects += 1

    _run(
        trial, "reconnect storm", lambda: any(alarm.endswith(":reconnects") for alarm in _open(trial)), limit_s=90,
        expecting=lambda alarm: alarm.endswith(":reconnects"), end=lambda: None, each_second=each_second, rand=rand,
    )  # fmt: skip


def ingest_killed(trial: Trial, rand: random.Random) -> None:
    """No heartbeat any more; then a new ingest, with a connection of its own."""
    trial.venue.ingest.alive = False

    _run(
        trial, "ingest killed", lambda: trial.status is Status.DOWN, expecting=lambda alarm: alarm.endswith(":down"),
        end=lambda: trial.venue.connect(trial.now_ms), limit_s=6, rand=rand,
    )  # fmt: skip


def redis_killed(trial: Trial, rand: random.Random) -> None:
    """Nothing can be read, so nothing is said; and afterwards nobody is blamed for it."""
    trial.account.found.append(Found("redis killed", trial.now_ms, 0.0))
    trial.bus_away = True
    for _ in range(rand.randrange(10, 180)):
        trial.step(1.0)
    trial.bus_away = False
    for _ in range(30):
        trial.step(1.0)
    trial.recover(_OVER_S)


def clock_step(trial: Trial, rand: random.Random) -> None:
    """The ingest's clock is set. Its times are wrong then, and nothing else is."""
    ingest = trial.venue.ingest
    by_ms = rand.choice((-1, 1)) * rand.choice((3_000, 20_000, 600_000, 7_200_000))
    ingest.step_clock(by_ms)
    _run(
        trial, "clock step", lambda: any(alarm.endswith(":clock") for alarm in _open(trial)), limit_s=150,
        expecting=lambda alarm: alarm.endswith(":clock"), end=lambda: ingest.step_clock(-by_ms), rand=rand,
    )  # fmt: skip


def frozen_row(trial: Trial, rand: random.Random) -> None:
    """One instrument's row is answered as before, always the same."""
    venue = trial.venue
    assert isinstance(venue, Shares)
    known = [symbol for symbol in venue.symbols if (trial.moves_expected_s(symbol) or 1e9) < 900]
    if not known:
        return
    symbol = rand.choice(known)
    venue.frozen = {symbol}
    _run(
        trial, "frozen row", lambda: any(symbol in alarm for alarm in _open(trial)), limit_s=900,
        expecting=lambda alarm: ":mute" in alarm, end=venue.frozen.clear, gap_s=trial.moves_expected_s(symbol),
        rand=rand,
    )  # fmt: skip


CRYPTO: Final[tuple[Incident, ...]] = (
    mute_pair, mute_subscription, mute_subscription, mute_channel, mute_socket, slow_death, routine_reconnect,
    reconnect_storm, ingest_killed, redis_killed, clock_step,
)  # fmt: skip
PUSHED_SHARES: Final[tuple[Incident, ...]] = (mute_subscription, mute_subscription, ingest_killed, redis_killed)
SHARES: Final[tuple[Incident, ...]] = (
    mute_pair, mute_socket, frozen_row, ingest_killed, redis_killed,
)  # fmt: skip
