"""`make soak-incidents`: labelled incidents, each caused on running processes, and what the gateway then tells of them.

Prints one line for each: what was found and how soon, and how soon it was over; ends with 1 if anything was missed, did
not end, or was said without a cause. Three platforms run one after the other, both venues side by side on each of them.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])

from spark_service.clock import anchored, now_ms  # noqa: E402
from support.eventually import eventually  # noqa: E402
from support.stack import Stack  # noqa: E402

Step = Callable[[Stack], Awaitable[None]]


async def nothing(_: Stack) -> None:
    """It happens by itself, or has been done already."""


_POLL_S = 0.5
_WELL = {"MOCK", "CLOSED"}
_OWN_S = 5.0
"""What the judgement itself may take: two judgements, a heartbeat, and the way to the gateway."""
_CLEARS_S = 45.0
"""The connection is back after a pause, the status after 5 s, and an alarm is over when its cause was gone for 15 s."""


@dataclass(frozen=True)
class Incident:
    """What happens to a venue, and what is to be told of it: one of ``status``, and an alarm that ``alarm`` matches.

    Both are regular expressions; no alarm is to be told when there is none. Its reason has to name ``culprit``.
    ``also`` is what may follow from it. It goes on for ``lasts_s`` after it was found, in which nobody may say that all
    is well.
    """

    name: str
    harm: Step
    heal: Step
    status: str
    alarm: str = ""
    also: str = ""
    culprit: str = ""
    lasts_s: float = 0.0
    within_s: float = 30.0
    clears_s: float = _CLEARS_S


@dataclass(frozen=True)
class Quiet:
    """A time of which nothing is to be told but the statuses, in this order, whatever it begins with."""

    name: str
    seconds: float
    statuses: tuple[str, ...] = ("MOCK",)
    begin: Step = nothing


class Replay:
    """One venue's incidents on one platform, one after the other."""

    def __init__(self, stack: Stack, venue: str, only: str) -> None:
        self._stack = stack
        self._venue = venue
        self._only = only
        self.wrong = 0

    async def run(self, events: Sequence[Incident | Quiet]) -> None:
        """Let all of it happen."""
        await self._until(lambda status, _: status in _WELL, 40)
        for event in (event for event in events if re.search(self._only, event.name)):
            await (self._incident(event) if isinstance(event, Incident) else self._quiet(event))

    async def _incident(self, incident: Incident) -> None:
        said_after = now_ms()
        await incident.harm(self._stack)
        found_s, status, alarm = await self._until(
            lambda status, alarms: bool(re.fullmatch(incident.status, status)) and _fits(incident, alarms),
            incident.within_s + _OWN_S,
        )
        well_s = None
        if found_s is not None and incident.lasts_s:
            well_s, _, _ = await self._until(lambda status, _: status in _WELL, incident.lasts_s)
        await incident.heal(self._stack)
        cleared_s, left, still = await self._until(
            lambda status, alarms: status in _WELL and not alarms, incident.clears_s
        )
        wrong = [] if found_s is not None else ["MISSED"]
        wrong += [f"SAID TO BE WELL after {well_s:.1f} s"] if well_s is not None else []
        wrong += [] if cleared_s is not None else [f"NOT OVER: {left} {' '.join(still)}"]
        allowed = "|".join(filter(None, (incident.alarm, incident.also))) or "none"
        raised = await self._raised(said_after)
        wrong += [f"FALSE: {name}" for name in raised if not re.fullmatch(allowed, name)]
        more = [name for name in raised if name not in alarm]
        told = f"{status} {' '.join(alarm) or 'no alarm'}" + (f" (then {' '.join(more)})" if more else "")
        self._tell(incident.name, f"{incident.status} {incident.alarm}", told, found_s, cleared_s, wrong)

    async def _quiet(self, quiet: Quiet) -> None:
        began, said_after, seen = time.monotonic(), now_ms(), [(await self._look())[0]]
        await quiet.begin(self._stack)
        while time.monotonic() - began < quiet.seconds:
            status, _ = await self._look()
            if status != seen[-1]:
                seen.append(status)
            await asyncio.sleep(_POLL_S)
        wrong = [] if tuple(seen) == quiet.statuses else [f"FALSE: {' '.join(seen)}"]
        wrong += [f"FALSE: {name}" for name in await self._raised(said_after)]
        told = f"{' '.join(seen)} for {quiet.seconds:.0f} s"
        self._tell(quiet.name, " ".join(quiet.statuses), told, None, None, wrong)

    async def _look(self) -> tuple[str, dict[str, str]]:
        """Return the venue's status, and its open alarms' reasons by id."""
        health = await self._stack.get("/api/healthz")
        alarms = await self._stack.get(f"/api/alarms?venue={self._venue}")
        if health is None or alarms is None:
            return "no answer", {}
        reasons = {message["data"]["id"]: message["data"]["reason"] for message in alarms["open"]}
        return health["venues"][self._venue]["status"], reasons

    async def _until(
        self, holds: Callable[[str, dict[str, str]], bool], most_s: float
    ) -> tuple[float | None, str, dict[str, str]]:
        """Return after how long it held, None when it did not, and what was told then."""
        began = time.monotonic()
        while True:
            status, alarms = await self._look()
            seconds = time.monotonic() - began
            if holds(status, alarms):
                return seconds, status, alarms
            if seconds > most_s:
                return None, status, alarms
            await asyncio.sleep(_POLL_S)

    async def _raised(self, after_ms: int) -> list[str]:
        """Return the ids of the alarms that were raised since, also of those that are over."""
        path = f"/api/alarms?venue={self._venue}&last=100"
        answer: Any = await eventually(partial(self._stack.get, path), 10, "the alarms that were told")
        recent = [told["message"]["data"] for told in answer["recent"] if told["toldAt"] >= after_ms]
        return sorted({alarm["id"] for alarm in recent if alarm["state"] == "raised"})

    def _tell(
        self, name: str, expected: str, told: str, found_s: float | None, cleared_s: float | None, wrong: list[str]
    ) -> None:
        self.wrong += len(wrong)
        times = " ".join(f"{'-' if seconds is None else f'{seconds:.1f}':>7}" for seconds in (found_s, cleared_s))
        verdict = "; ".join(wrong) or "ok"
        print(f"{self._venue:8} {name:34} {expected:42} {times}  {told}: {verdict}", flush=True)


def _fits(incident: Incident, alarms: Mapping[str, str]) -> bool:
    if not incident.alarm:
        return not alarms
    return any(re.fullmatch(incident.alarm, name) and incident.culprit in alarms[name] for name in alarms)


def fault(name: str, path: str = "/faults", **fields: object) -> Step:
    """Return what orders a fault of the simulator."""

    async def order(stack: Stack) -> None:
        await stack.control("POST", path, json={"fault": name, "seconds": 600, **fields})

    return order


def bist_fault(name: str, **fields: object) -> Step:
    """Return what orders a fault of the simulated Borsa İstanbul."""
    return fault(name, "/bist/faults", **fields)


async def heal(stack: Stack) -> None:
    """All is well again at the simulated BtcTurk."""
    await stack.control("DELETE", "/faults")


async def heal_bist(stack: Stack) -> None:
    """All is well again at the simulated Borsa İstanbul."""
    await stack.control("DELETE", "/bist/faults")


def shift_clock(ms: int) -> Step:
    """Return what sets the venue's clock."""

    async def shift(stack: Stack) -> None:
        await stack.control("POST", "/faults", json={"fault": "shift_clock", "ms": ms})

    return shift


async def cut(stack: Stack) -> None:
    """Every connection of BtcTurk's is lost."""
    await stack.control("POST", "/faults", json={"fault": "cut"})


async def reconnect(stack: Stack) -> None:
    """Cut, and refuse the first attempt: that takes two or three seconds, so that a heartbeat or two tell of it."""
    await stack.control("POST", "/faults", json={"fault": "refuse", "status": 503, "seconds": 1.2})
    await cut(stack)


async def storm(stack: Stack) -> None:
    """Cut five times; twice within ten seconds is one loss."""
    for number in range(5):
        await asyncio.sleep(11 if number else 0)
        await cut(stack)


def kill(service: str) -> Step:
    """Return what ends a service with SIGKILL."""

    async def end(stack: Stack) -> None:
        stack.services[service].kill()

    return end


def start(service: str) -> Step:
    """Return what starts it again."""

    async def begin(stack: Stack) -> None:
        stack.services[service].start()

    return begin


async def start_sluggish(stack: Stack) -> None:
    """The market goes on, a fifteenth as busy as before."""
    stack.services["simulator"] = stack.service("simulator", {"SPARK_SIMULATOR_TRADES_PER_MINUTE": "20"}, "-lull")
    stack.simulator.start()


async def kill_redis(stack: Stack) -> None:
    """End Redis with SIGKILL."""
    stack.redis.kill()


async def start_redis(stack: Stack) -> None:
    """Start it on the data that is left."""
    await stack.redis.start()


ETH = r"btcturk:mute:(ticker|trade|book):ETH_TRY"
REJOINED = "btcturk:unproven"
"""What the ingest's own attempts bring: it joins again what is silent, and then connects again, which is routine."""
BUSY = (
    Incident("clock step", shift_clock(5_000), shift_clock(0), "MOCK", "btcturk:clock", within_s=60, clears_s=90),
    Quiet("ordinary", 40),
    Incident(
        "mute channel", fault("mute", channel="trade", scope="venue"), heal, "DEGRADED",
        "btcturk:(mute:trade|unproven)", REJOINED, "trade", within_s=45, lasts_s=40, clears_s=90,
    ),
    Incident(
        "mute pair", fault("mute", pair="ETHTRY", scope="venue"), heal, "DEGRADED",
        "btcturk:mute:ticker:ETH_TRY", f"{ETH}|{REJOINED}", "ticker:ETH_TRY", lasts_s=30, clears_s=90,
    ),
    Incident("mute socket with pongs", fault("silence"), heal, "STALE", "btcturk:stale", REJOINED, "said nothing"),
    Incident(
        "slow death", fault("fade", seconds=80), heal, "DEGRADED", "btcturk:mute(:.+)?", REJOINED, "_TRY", within_s=45
    ),
    Incident("ingest killed", kill("ingest_btcturk"), start("ingest_btcturk"), "DOWN", "btcturk:down",
             culprit="no ingest"),
)  # fmt: skip
LULL = (
    Quiet("ordinary", 120),
    Quiet("routine reconnect", 30, ("MOCK", "DOWN", "MOCK"), reconnect),
    Incident("venue gone, then a lull", kill("simulator"), start_sluggish, "DOWN", "btcturk:down"),
    Quiet("lull", 60),
)
REDIS = Incident("Redis killed", kill_redis, start_redis, "UNKNOWN")
REDIS_TOO = Incident("Redis killed", nothing, nothing, "UNKNOWN")
HALF_DAY = Quiet("half-day from before its opening", 385, ("CLOSED", "MOCK", "CLOSED"))

THIN = (
    Quiet("thin pairs", 90),
    Incident(
        "reconnect storm", storm, nothing, "DEGRADED", "btcturk:reconnects", "btcturk:down", within_s=30, clears_s=320
    ),
)
POLLED = (
    Incident("symbol gone", bist_fault("vanish", symbols=["THYAO"]), heal_bist, "DEGRADED",
             "bist:mute:ticker:THYAO", culprit="THYAO", within_s=45),
    Incident("back end frozen", bist_fault("stale"), heal_bist, "STALE", "bist:stale", within_s=60),
    Incident("refused as too often", bist_fault("limit"), heal_bist, "STALE|DOWN", "bist:(stale|down)",
             within_s=60, clears_s=150),
    Incident("ingest killed", kill("ingest_bist"), start("ingest_bist"), "DOWN", "bist:down",
             culprit="no ingest"),
)  # fmt: skip
HOLIDAY = Quiet("holiday", 200, ("CLOSED",))


@dataclass(frozen=True)
class Part:
    """One platform, and what happens on it: BtcTurk's events with Borsa İstanbul's beside them, pair by pair.

    Borsa İstanbul lives at ``clock`` by its calendar; without one it is open day and night.
    """

    trades_per_minute: str
    events: Sequence[tuple[Sequence[Incident | Quiet], Sequence[Incident | Quiet]]]
    clock: str = ""

    async def replay(self, calendar: Path, only: str) -> int:
        """Let all of it happen; returns how much was wrong."""
        settings = {"SPARK_SIMULATOR_TRADES_PER_MINUTE": self.trades_per_minute}
        if self.clock:
            settings |= {"SPARK_BIST_CALENDAR": str(calendar), "SPARK_BIST_CLOCK": anchored(self.clock)}
        async with Stack(settings, venues=("btcturk", "bist")) as stack:
            crypto, shares = Replay(stack, "btcturk", only), Replay(stack, "bist", only)
            for of_crypto, of_shares in self.events:
                await asyncio.gather(crypto.run(of_crypto), shares.run(of_shares))
        return crypto.wrong + shares.wrong


PARTS = {
    "faults": Part("300", [(BUSY, [HALF_DAY]), ([REDIS], [REDIS_TOO])], "2026-10-28T10:00+03:00*30"),
    "thin": Part("0.5", [(THIN, POLLED)]),  # the storm takes five minutes to be over
    "calm": Part("300", [(LULL, [HOLIDAY])], "2026-10-29T12:00+03:00"),
}


def main() -> int:
    """Run them; returns 1 when something was missed or made up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="of it, all unless told")
    parser.add_argument("--only", default="", help="a regular expression for the names of those to replay")
    given = parser.parse_args()
    print(f"{'venue':8} {'incident':34} {'expected':42} {'found s':>7} {'over s':>7}  told")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        calendar = Path(folder) / "calendar"
        calendar.write_text("# as the exchange has it\n")
        for name in given.parts or PARTS:
            wrong += asyncio.run(PARTS[name].replay(calendar, given.only))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
