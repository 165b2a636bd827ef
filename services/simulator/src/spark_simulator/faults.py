"""What is wrong at the moment. What lasts passes by itself, and all can be made right at once."""

import time
from collections import defaultdict
from typing import Generic, TypeVar

import msgspec

from spark_simulator.commands import NoSnapshot, Refuse, RefuseRest, SlowTls, SlowUpgrade
from spark_simulator.connection import Connection
from spark_simulator.shots import Shot
from spark_simulator.withholding import Name, Withholding

CommandT = TypeVar("CommandT", Refuse, SlowUpgrade, SlowTls, NoSnapshot, RefuseRest)


class Lasting(Generic[CommandT]):
    """A fault that lasts a while; a later one of its kind takes its place."""

    def __init__(self) -> None:
        self._command: CommandT | None = None
        self._until = 0.0

    def begin(self, command: CommandT) -> None:
        """Let it be wrong from now on."""
        self._command = command
        self._until = time.monotonic() + command.seconds

    def end(self) -> None:
        """Make it right."""
        self._command = None

    @property
    def current(self) -> CommandT | None:
        """What is ordered now, None when nothing is wrong."""
        return self._command if time.monotonic() < self._until else None

    def told(self) -> list[dict[str, object]]:
        """Return what the control API says of it."""
        if self.current is None:
            return []
        return [msgspec.to_builtins(self.current) | {"secondsLeft": self._until - time.monotonic()}]


class Faults:
    """All that goes on, for the parts of the simulator to ask."""

    def __init__(self) -> None:
        self.refusal = Lasting[Refuse]()
        self.slow_upgrade = Lasting[SlowUpgrade]()
        self.slow_tls = Lasting[SlowTls]()
        self.no_snapshot = Lasting[NoSnapshot]()
        self.rest = Lasting[RefuseRest]()
        self._lasting = (self.refusal, self.slow_upgrade, self.slow_tls, self.no_snapshot, self.rest)
        self.clock_ms = 0
        self._withholdings: list[Withholding] = []
        self._shots: defaultdict[Name, list[Shot]] = defaultdict(list)

    def now_ms(self) -> int:
        """Return the venue's time, right or wrong."""
        return time.time_ns() // 1_000_000 + self.clock_ms

    def withhold(self, withholding: Withholding) -> None:
        """Keep data back from now on, besides what is kept back already; a later silence replaces an earlier one."""
        self._withholdings = [
            other for other in self._withholdings if other.fault != "silence" or withholding.fault != "silence"
        ]
        self._withholdings.append(withholding)

    def shoot(self, name: Name, shot: Shot) -> None:
        """Let the next frames of ``name`` go wrong."""
        self._shots[name].append(shot)

    def clear(self) -> None:
        """Make everything right at once."""
        for lasting in self._lasting:
            lasting.end()
        self.clock_ms = 0
        self._withholdings.clear()
        self._shots.clear()

    @property
    def quiet(self) -> bool:
        """Whether nothing is wrong with any data: the common case, and the quick one."""
        return not self._withholdings and not self._shots

    @property
    def silent(self) -> bool:
        """Whether all data is to be withheld from everybody."""
        return any(one.fault == "silence" for one in self._current())

    def withholds(self, connection: Connection, name: Name) -> str | None:
        """Return the fault that keeps a frame of ``name`` from ``connection``, None when none does."""
        now = time.monotonic()
        return next((one.fault for one in self._current() if one.keeps(connection, name, now)), None)

    def book(self, name: Name) -> str:
        """Return what becomes of a book's change sets: as in a mute, ``jump`` being the usual."""
        return next((one.book for one in self._current() if one.book != "jump" and one.concerns(name)), "jump")

    def shots(self, name: Name) -> list[Shot]:
        """Return what the next frame of ``name`` will meet."""
        return self._shots.get(name, [])

    def spent(self, name: Name) -> None:
        """Forget the shots that are over."""
        left = [shot for shot in self._shots.pop(name, []) if shot.left]
        if left:
            self._shots[name] = left

    def active(self) -> list[dict[str, object]]:
        """Return the faults that go on."""
        now = time.monotonic()
        found = [told for lasting in self._lasting for told in lasting.told()]
        found += [one.told(now) for one in self._current()]
        found += [
            {"fault": shot.fault, "channel": channel, "pair": pair, "left": shot.left}
            for (channel, pair), shots in self._shots.items()
            for shot in shots
        ]
        return [*found, {"fault": "shift_clock", "ms": self.clock_ms}] if self.clock_ms else found

    def _current(self) -> list[Withholding]:
        if self._withholdings:
            now = time.monotonic()
            self._withholdings = [one for one in self._withholdings if not one.over(now)]
        return self._withholdings
