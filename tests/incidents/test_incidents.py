"""Labelled incidents in simulated days of normal trading: none missed, and no alarm without one.

`make soak-monitor` does the same for weeks.
"""

from datetime import date

import pytest

from incidents.scenes import around_holidays, crypto_days, quiet_days, share_days
from incidents.trial import Account
from spark_market.sessions import bist


def check(account: Account, least: int) -> None:
    print(account.report())
    assert account.missed == []
    assert account.false == []
    assert len(account.found) >= least


def test_a_market_that_never_closes() -> None:
    """Days, nights and a weekend, thin pairs and bursts, with something going wrong every two hours."""
    check(crypto_days(date(2026, 11, 20), 5, seed=3), least=20)


def test_a_market_with_sessions_around_its_holidays() -> None:
    """Ramadan's feast of 2026 with its half-day, and what lies around it."""
    days = around_holidays(bist(), date(2026, 3, 10), date(2026, 5, 10))
    assert date(2026, 3, 19) in days
    check(share_days(days, seed=3), least=3)


def test_a_socket_with_thin_shares_and_sessions() -> None:
    """Some trade every second, some every two minutes: who is silent for half a minute is not mute."""
    check(share_days([date(2026, 3, day) for day in range(9, 17)], seed=3, symbols=80, pushed=True), least=2)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_nothing_is_wrong_around_a_years_holidays(year: int) -> None:
    """Each half-day of the year, and the days on both sides of it: opening bursts, lunches, nights, and no alarm."""
    days = around_holidays(bist(), date(year, 1, 1), date(year, 12, 31), half_only=True)
    account = quiet_days(days, seed=year)

    check(account, least=0)
    assert account.open_seconds > 20 * 3_600
