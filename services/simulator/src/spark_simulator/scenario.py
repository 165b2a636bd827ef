"""A scenario: orders that are carried out at their time, in seconds after the start."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import structlog

from spark_service.lifecycle import CannotStart, end
from spark_simulator import commands
from spark_simulator.commands import BadCommand, Command
from spark_simulator.orders import Orders

_AT = "at"
_LONGEST_S = 30 * 24 * 3600

logger = structlog.get_logger()


class _When(msgspec.Struct):
    at: Annotated[float, msgspec.Meta(ge=0, le=_LONGEST_S)]


class Step(NamedTuple):
    """One order and its time."""

    at_s: float
    command: Command


def read(text: bytes) -> list[Step]:
    """Return the steps in JSON lines or one JSON array. Raises BadCommand, naming the line or the entry."""
    if text.lstrip().startswith(b"["):
        try:
            entries = msgspec.json.decode(text, type=list[msgspec.Raw])
        except (msgspec.MsgspecError, UnicodeError) as exc:
            raise BadCommand(f"this is not an array of faults ({exc})") from exc
        steps = [_step(f"entry {nth}", bytes(entry)) for nth, entry in enumerate(entries, start=1)]
    else:
        lines = enumerate(text.splitlines(), start=1)
        steps = [_step(f"line {nth}", line) for nth, line in lines if line.strip()]
    return sorted(steps, key=lambda step: step.at_s)


def load(path: Path) -> list[Step]:
    """Return the steps in the file at ``path``. Raises CannotStart."""
    try:
        return read(path.read_bytes())
    except OSError as exc:
        raise CannotStart(f"cannot read {path} ({exc.strerror}); correct SPARK_SIMULATOR_SCENARIO") from exc
    except BadCommand as exc:
        raise CannotStart(f"{path}: {exc}; correct SPARK_SIMULATOR_SCENARIO") from exc


def _step(place: str, text: bytes) -> Step:
    try:
        at_s = msgspec.json.decode(text, type=_When).at
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        del members[_AT]
        return Step(at_s, commands.read(msgspec.json.encode(members)))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise BadCommand(f"{place} is not a fault with the seconds {_AT} which it comes ({exc})") from exc
    except BadCommand as exc:
        raise BadCommand(f"{place}: {exc}") from exc


class Scenarios:
    """Those that are being played. ``steps`` are played from the beginning on."""

    def __init__(self, orders: Orders, steps: Sequence[Step] = ()) -> None:
        self._orders = orders
        self._first = steps
        self._played: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Start the clock."""
        self.play(self._first)

    def play(self, steps: Sequence[Step]) -> None:
        """Carry out ``steps``, each at its time after now."""
        task = asyncio.create_task(self._play(steps))
        self._played.add(task)
        task.add_done_callback(self._played.discard)

    async def end(self) -> None:
        """Leave out what is still to come."""
        await end(self._played)

    async def _play(self, steps: Sequence[Step]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for step in steps:
            await asyncio.sleep(max(0.0, started + step.at_s - loop.time()))
            try:
                self._orders.obey(step.command)
            except BadCommand as exc:  # the rest goes on
                logger.warning("a step of the scenario cannot be followed", at_s=step.at_s, error=str(exc))
            else:
                logger.info("scenario", at_s=step.at_s, fault=step.command.__struct_config__.tag)
