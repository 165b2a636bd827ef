"""What the BIST ingest can be told, and what it says to what it cannot use."""

from pathlib import Path

import pytest

from spark_ingest_bist.choice import choose
from spark_ingest_bist.settings import IngestSettings
from spark_market.instruments import Mode
from spark_service.lifecycle import CannotStart
from spark_service.settings import SettingsError, load


def given(**more: str) -> IngestSettings:
    return load(IngestSettings, {f"SPARK_{name}": value for name, value in more.items()})


def test_the_simulator_is_asked_unless_real_data_is_wanted() -> None:
    simulated, real = given(), given(REAL_DATA="1")

    assert (choose(simulated).name, choose(simulated).mode) == ("simulator", Mode.MOCK)
    assert simulated.url == "http://127.0.0.1:9200/bist/yahoo"
    assert (choose(real).name, choose(real).mode, choose(real).delay_ms) == ("yahoo", Mode.DELAYED, 900_000)
    assert real.url == "https://query1.finance.yahoo.com"
    assert choose(real).spell("THYAO") == "THYAO.IS"


def test_the_simulator_may_be_named_and_is_no_real_data() -> None:
    source = choose(given(BIST_SOURCE="simulator"))

    assert (source.name, source.mode) == ("simulator", Mode.MOCK)
    with pytest.raises(CannotStart, match=r"^SPARK_BIST_SOURCE=simulator is no real data: set SPARK_REAL_DATA=0"):
        choose(given(BIST_SOURCE="simulator", REAL_DATA="1"))


def test_all_symbols_are_had_only_where_the_source_tells_them() -> None:
    enumeration = choose(given(BIST_SYMBOLS="*")).enumeration
    assert enumeration is not None
    assert getattr(enumeration, "request").url == "http://127.0.0.1:9200/bist/symbols"  # noqa: B009, either kind
    with pytest.raises(CannotStart, match=r"SPARK_BIST_SYMBOLS=\* cannot be used: the source yahoo"):
        choose(given(BIST_SYMBOLS="*", REAL_DATA="1"))


def test_a_vendor_needs_its_file() -> None:
    with pytest.raises(CannotStart, match="SPARK_BIST_VENDOR is not set"):
        choose(given(BIST_SOURCE="vendor", REAL_DATA="1"))


def test_a_vendors_file_that_nobody_would_read_is_told() -> None:
    """Who forgot the source would take Yahoo's prices for those that are paid for."""
    with pytest.raises(CannotStart, match="set SPARK_BIST_SOURCE=vendor"):
        choose(given(BIST_VENDOR="my.yaml", REAL_DATA="1"))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("BIST_SYMBOLS", "THYAO.IS", "is no symbol such as THYAO"),
        ("BIST_SOURCE", "itch", "yahoo or vendor, or simulator"),
        ("BIST_URL", "https://user:word@host/", "SPARK_BIST_SECRET"),
        ("BIST_CLOCK", "noon", "SPARK_BIST_CLOCK"),
        ("BIST_CALENDAR", "/no/such/file", "SPARK_BIST_CALENDAR"),
        ("BIST_SYMBOL", "THYAO", "did you mean SPARK_BIST_SYMBOLS"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        given(**{name: value})


def test_a_bad_line_of_a_file_is_named(tmp_path: Path) -> None:
    symbols, calendar = tmp_path / "symbols", tmp_path / "calendar"
    symbols.write_text("THYAO\n?\n", encoding="utf-8")
    calendar.write_text("2026-03-20 closed\n2026-13-01 closed\n", encoding="utf-8")

    with pytest.raises(SettingsError, match=r"SPARK_BIST_SYMBOLS.*symbols, line 2"):
        given(BIST_SYMBOLS=f"@{symbols}")
    with pytest.raises(SettingsError, match=r"SPARK_BIST_CALENDAR.*line 2"):
        given(BIST_CALENDAR=str(calendar))


def test_a_simulated_clock_is_not_for_real_data() -> None:
    assert given(BIST_CLOCK="2026-04-27T10:30+03:00").clock.now_ms() > 0
    with pytest.raises(SettingsError, match="SPARK_REAL_DATA"):
        given(BIST_CLOCK="2026-04-27T10:30+03:00", REAL_DATA="1")
