"""Places for open streams: so many for each client, and so many in all. Those of this process."""

from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from spark_gateway import refusals
from spark_gateway.access import Client
from spark_gateway.identity import CLIENT
from spark_gateway.violations import Violations

CLIENT_FULL: Final = "streams"
"""The client has as many streams as it may."""
GATEWAY_FULL: Final = "full"
"""The gateway has."""
_RETRY_AFTER_S: Final = 30.0


class Full(Exception):
    """No place is left; ``reason`` is `CLIENT_FULL` or `GATEWAY_FULL`."""

    def __init__(self, reason: str, retry_after_s: float, limit: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.limit = limit


class Place:
    """One stream's. Give it back when the stream ends; twice does no harm."""

    __slots__ = ("_id", "_places")

    def __init__(self, places: "Places", identity: str) -> None:
        self._places: Places | None = places
        self._id = identity

    def release(self) -> None:
        """Give it back."""
        if self._places is not None:
            self._places._give_back(self._id)
            self._places = None


class Places:
    """Counts streams from their opening to their end."""

    def __init__(self, most: int, violations: Violations) -> None:
        self._most = most
        self._violations = violations
        self._taken: dict[str, int] = {}
        self._in_all = 0

    def take(self, client: Client) -> Place:
        """Return a place. Raises Full."""
        held = self._taken.get(client.id, 0)
        if held >= client.rate.streams:
            raise Full(CLIENT_FULL, _RETRY_AFTER_S, client.rate.streams)
        if self._in_all >= self._most:
            raise Full(GATEWAY_FULL, _RETRY_AFTER_S, self._most)
        self._taken[client.id] = held + 1
        self._in_all += 1
        return Place(self, client.id)

    def _give_back(self, identity: str) -> None:
        self._in_all -= 1
        self._taken[identity] -= 1
        if not self._taken[identity]:
            del self._taken[identity]

    def refusal(self, full: Full, scope: Scope) -> Response:
        """Return the answer to a request that no place was left for, and note it."""
        own = full.reason == CLIENT_FULL
        self._violations.note(
            "streams" if own else "full", scope[CLIENT].id, scope, f"{full.limit} streams", full.retry_after_s
        )
        if refusals.wants_events(scope):
            return refusals.goodbye(full.reason, refusals.PLACE_WAIT_S)
        if own:
            detail = f"You have {full.limit} streams open, which is as many as you may; close one, or wait"
            return refusals.problem(429, "Too many streams", detail, full.retry_after_s)
        detail = "This gateway has as many streams open as it takes; ask another, or wait"
        return refusals.problem(503, "Gateway full", detail, full.retry_after_s)
