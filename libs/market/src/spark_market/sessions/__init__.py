"""Trading sessions: when a market trades, which its venue tells nobody. Pure: the time is always an argument.

The exchange's days come from exchange-calendars, which the extra ``sessions`` of this package installs.
"""

from spark_market.sessions.calendar import Calendar, always_open
from spark_market.sessions.istanbul import bist
from spark_market.sessions.overrides import NONE, BadOverrides, Overrides, read_overrides
from spark_market.sessions.phases import Phase, Span, TradingDay

__all__ = [
    "NONE",
    "BadOverrides",
    "Calendar",
    "Overrides",
    "Phase",
    "Span",
    "TradingDay",
    "always_open",
    "bist",
    "read_overrides",
]
