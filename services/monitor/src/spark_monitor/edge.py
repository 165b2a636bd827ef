"""The edge of a market's calendar: beyond it days are guessed, and somebody has to know that before."""

from typing import Final

import structlog

from spark_market.sessions import Calendar

_NEAR_MS: Final = 90 * 86_400_000
_DAY_MS: Final = 86_400_000

logger = structlog.get_logger()


def is_near(calendar: Calendar, now_ms: int) -> bool:
    """Return whether what the calendar knows ends within three months, or has ended."""
    return not calendar.knows(now_ms) or calendar.known_until_ms - now_ms <= _NEAR_MS


class Edge:
    """Warns once a day while the edge is near or passed."""

    def __init__(self, venue: str, calendar: Calendar) -> None:
        self._venue = venue
        self._calendar = calendar
        self._warned_on: int | None = None

    def look(self, now_ms: int) -> None:
        """It is ``now_ms``, of the market's clock."""
        today = now_ms // _DAY_MS
        if today == self._warned_on or not is_near(self._calendar, now_ms):
            return
        self._warned_on = today
        logger.warning(
            "the trading calendar ends; beyond it every weekday is taken for a full day. "
            "Update exchange-calendars, or say what is known in SPARK_BIST_CALENDAR",
            venue=self._venue,
            known_from=str(self._calendar.known_from),
            known_until=str(self._calendar.known_until),
        )
