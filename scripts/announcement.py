"""The announcement of `make up`: where it is and how to try it, once there is something to try."""

import time
from collections.abc import Sequence

from console import say, shown
from folder import Folder
from preflight import BIST_CLOCK, Plan
from standing import Venue, standing

PATIENCE_S = 60.0  # a start that takes longer deserves a word
LATE_LOOK_S = 5.0  # how often to look for a venue that others did not wait for
A_TRADING_DAY = "2026-04-27T10:30+03:00"


class Announcement:
    """Says where it is and how to try it once all venues have data, or with those that have after a while."""

    def __init__(self, plan: Plan, folder: Folder) -> None:
        self._plan = plan
        self._folder = folder
        self._patient_until = time.monotonic() + PATIENCE_S
        self._look_at = 0.0
        self._complained = False
        self._announced: set[str] | None = None  # None: not even the address
        self.complete = False

    def go_on(self) -> None:
        """Look how far it has come, and say what has not been said yet."""
        if time.monotonic() < self._look_at:
            return
        venues = standing(self._plan.page) or []
        out_of_patience = time.monotonic() > self._patient_until
        settled = [venue for venue in venues if venue.settled or (out_of_patience and venue.presentable)]
        self.complete = bool(settled) and len(settled) == len(venues)
        if self._announced is None:
            if self.complete or (settled and out_of_patience):
                self._announce(settled)
                for venue in venues:
                    if venue not in settled:
                        say(f"{venue.name} has no data yet ({venue.status}: {venue.reason}); see {self._logs}")
            elif out_of_patience and not self._complained:
                self._complained = True
                say(f"no fresh data at {self._plan.page} after {PATIENCE_S:.0f} s; see {self._logs}")
        else:
            self._look_at = time.monotonic() + LATE_LOOK_S
            for venue in settled:
                if venue.name not in self._announced:
                    say(f"{venue.name} has data now\n\n{self._try(venue)}\n")
                    self._announced.add(venue.name)

    def _announce(self, settled: Sequence[Venue]) -> None:
        data = "simulated data (marked mock); SPARK_REAL_DATA=1 make up for real" if self._plan.mock else "real data"
        say(f"up, with {data}\n\n  {self._plan.page}")
        for venue in settled:
            say(self._try(venue))
        say("")
        for venue in settled:
            if venue.status == "CLOSED":
                say(f"{venue.name} is {venue.reason}{self._how_to_open(venue)}\n")
        self._announced = {venue.name for venue in settled}
        self._look_at = time.monotonic() + LATE_LOOK_S

    def _try(self, venue: Venue) -> str:
        return f"  curl '{self._plan.page}{venue.example}'"

    def _how_to_open(self, venue: Venue) -> str:
        if venue.name != "bist" or not self._plan.mock or BIST_CLOCK in self._plan.environ:
            return ""
        return f"; to see a day of trading: {BIST_CLOCK}={A_TRADING_DAY} make up"

    @property
    def _logs(self) -> str:
        return shown(self._folder.log)
