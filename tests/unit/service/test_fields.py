"""Kinds of settings that services share: a file that is read at start, and the time of a simulated market."""

from pathlib import Path
from typing import Annotated

import pytest

from spark_service.clock import MarketClock, WallClock
from spark_service.fields import SimulatedTime, from_file
from spark_service.settings import Settings, SettingsError, load, setting


def lines(text: str) -> tuple[str, ...]:
    if "bad" in text:
        raise ValueError("line 2: it is bad")
    return tuple(text.split())


class Example(Settings):
    real_data: bool = setting("SPARK_REAL_DATA", False)
    calendar: Annotated[tuple[str, ...], from_file(lines)] = setting("SPARK_BIST_CALENDAR", ())
    clock: SimulatedTime = setting("SPARK_BIST_CLOCK", WallClock())


def refused(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(Example, environ)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_nothing_set_is_the_real_time_and_no_file() -> None:
    settings = load(Example, {})

    assert isinstance(settings.clock, WallClock) and settings.calendar == ()


def test_a_file_is_read_at_start(tmp_path: Path) -> None:
    file = tmp_path / "days"
    file.write_text("one two", encoding="utf-8")

    assert load(Example, {"SPARK_BIST_CALENDAR": str(file)}).calendar == ("one", "two")


def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "days"
    file.write_text("good\nbad", encoding="utf-8")

    message = refused(SPARK_BIST_CALENDAR=str(file))

    assert message.startswith("SPARK_BIST_CALENDAR=")
    assert str(file) in message and "line 2: it is bad" in message


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 1_000_001])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "days"
    if content is not None:
        file.write_bytes(content)

    message = refused(SPARK_BIST_CALENDAR=str(file))

    assert message.startswith("SPARK_BIST_CALENDAR=") and str(file) in message


def test_a_simulated_market_may_have_its_own_time() -> None:
    clock = load(Example, {"SPARK_BIST_CLOCK": "2026-04-27T10:30+03:00*60"}).clock

    assert isinstance(clock, MarketClock) and clock.speed == 60
    assert str(clock) == "2026-04-27T07:30:00+00:00, 60 times as fast"


@pytest.mark.parametrize("value", ["yesterday", "2026-04-27T10:30", "2026-04-27T10:30Z*0", "2026-13-01T00:00Z"])
def test_a_time_that_is_none_is_refused(value: str) -> None:
    assert refused(SPARK_BIST_CLOCK=value).startswith("SPARK_BIST_CLOCK=")


def test_real_data_comes_by_the_real_time_only() -> None:
    message = refused(SPARK_BIST_CLOCK="2026-04-27T10:30Z", SPARK_REAL_DATA="1")

    assert message.startswith("SPARK_BIST_CLOCK=")
    assert "SPARK_REAL_DATA=0" in message
