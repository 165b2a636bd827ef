"""The faults that last a while: upgrades refused, and silence."""

import time

import msgspec

from spark_simulator.commands import Refuse, Silence


class Refusal(msgspec.Struct, frozen=True):
    """How an upgrade is refused."""

    status: int
    retry_after: int | None


class Faults:
    """What is wrong at the moment; everything passes by itself."""

    def __init__(self) -> None:
        self._refusal = Refusal(0, None)
        self._refuse_until = 0.0
        self._silent_until = 0.0

    def refuse(self, command: Refuse) -> None:
        """Refuse upgrades from now on, instead of any earlier refusal."""
        self._refusal = Refusal(command.status, command.retry_after)
        self._refuse_until = time.monotonic() + command.seconds

    def silence(self, command: Silence) -> None:
        """Send no data from now on, instead of any earlier silence."""
        self._silent_until = time.monotonic() + command.seconds

    def clear(self) -> None:
        """Make everything right at once."""
        self._refuse_until = self._silent_until = 0.0

    @property
    def refusal(self) -> Refusal | None:
        """How to refuse an upgrade now, or None to accept it."""
        return self._refusal if time.monotonic() < self._refuse_until else None

    @property
    def silent(self) -> bool:
        """Whether data is to be withheld now."""
        return time.monotonic() < self._silent_until

    def active(self) -> list[dict[str, object]]:
        """Return the faults that go on, each with the seconds it has left."""
        now = time.monotonic()
        found: list[dict[str, object]] = []
        if refusal := self.refusal:
            found.append({"fault": "refuse", "status": refusal.status, "secondsLeft": self._refuse_until - now})
        if self.silent:
            found.append({"fault": "silence", "secondsLeft": self._silent_until - now})
        return found
