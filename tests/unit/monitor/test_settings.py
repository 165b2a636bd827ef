"""What the monitor is told when nobody tells it anything, and what it accepts."""

from datetime import date
from pathlib import Path

import pytest

from spark_monitor.settings import MonitorSettings
from spark_service.settings import SettingsError, load


def test_without_any_setting_it_watches_all_venues_on_this_machine() -> None:
    settings = load(MonitorSettings, {})

    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
    assert (settings.venues, settings.staleness_target_s) == (("btcturk", "bist"), 30.0)
    assert (settings.metrics_host, settings.port) == ("127.0.0.1", 9100)


def test_venues_are_a_list_with_each_named_once() -> None:
    assert load(MonitorSettings, {"SPARK_VENUES": "bist, btcturk,bist"}).venues == ("bist", "btcturk")


def test_the_calendars_file_and_the_markets_clock_are_read_at_start(tmp_path: Path) -> None:
    file = tmp_path / "days"
    file.write_text("2026-11-23 closed\n", encoding="utf-8")

    settings = load(MonitorSettings, {"SPARK_BIST_CALENDAR": str(file), "SPARK_BIST_CLOCK": "2026-11-23T12:00Z*2"})

    assert settings.bist_calendar.days == {date(2026, 11, 23): None}
    assert settings.bist_clock.speed == 2


def test_the_target_takes_its_whole_range() -> None:
    for text, seconds in (("1", 1.0), ("2.5", 2.5), ("86400", 86_400.0)):
        assert load(MonitorSettings, {"SPARK_VENUE_STALENESS_TARGET": text}).staleness_target_s == seconds


def test_there_is_no_canary_unless_it_is_told_where_the_gateway_is() -> None:
    assert load(MonitorSettings, {"SPARK_MONITOR_CANARY_URL": ""}).canary_url is None
    settings = load(
        MonitorSettings, {"SPARK_MONITOR_CANARY_URL": "http://gateway:8080", "SPARK_MONITOR_CANARY_KEY": "abc"}
    )

    assert str(settings.canary_url) == "http://gateway:8080/"
    assert "abc" not in str(settings)


def test_what_is_logged_whole_may_hold_no_password() -> None:
    with pytest.raises(SettingsError, match="SPARK_MONITOR_CANARY_URL cannot be used"):
        load(MonitorSettings, {"SPARK_MONITOR_CANARY_URL": "http://user:password@gateway:8080"})
