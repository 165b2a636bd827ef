"""What the monitor is told when nobody tells it anything, and what it accepts."""

from spark_monitor.settings import MonitorSettings
from spark_service.settings import load


def test_without_any_setting_it_watches_btcturk_on_this_machine() -> None:
    settings = load(MonitorSettings, {})

    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
    assert (settings.venues, settings.staleness_target_s) == (("btcturk",), 30.0)
    assert (settings.metrics_host, settings.port) == ("127.0.0.1", 9100)


def test_venues_are_a_list_with_each_named_once() -> None:
    assert load(MonitorSettings, {"SPARK_VENUES": "bist, btcturk,bist"}).venues == ("bist", "btcturk")


def test_the_target_takes_its_whole_range() -> None:
    for text, seconds in (("1", 1.0), ("2.5", 2.5), ("86400", 86_400.0)):
        assert load(MonitorSettings, {"SPARK_VENUE_STALENESS_TARGET": text}).staleness_target_s == seconds
