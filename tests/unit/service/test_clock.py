"""The simulated market's time, as it is spelled in a setting."""

import pytest

from spark_service.clock import anchored, market_clock, now_ms

START = "2026-04-27T10:30+03:00"
START_MS = 1_777_275_000_000


def test_an_anchor_is_added_where_there_is_none() -> None:
    """Whoever reads the text later comes to the same time, not to a new start."""
    text = anchored(f"{START}*60")
    start, _, pace = text.partition("*")

    assert start.startswith(f"{START}@")
    assert pace == "60"
    assert START_MS <= market_clock(text).now_ms() < START_MS + 60 * 5_000


@pytest.mark.parametrize("text", [f"{START}@2026-11-22T00:00Z", f"{START}@2026-11-22T00:00Z*2"])
def test_a_given_anchor_stays(text: str) -> None:
    assert anchored(text) == text


def test_a_clock_goes_on_from_its_anchor() -> None:
    clock = market_clock(f"{START}@2026-11-22T00:00Z*2")

    assert abs(clock.now_ms() - (START_MS + 2 * (now_ms() - 1_795_305_600_000))) < 5_000


@pytest.mark.parametrize("text", ["", "now", "2026-04-27T10:30", f"{START}@", f"{START}*0", f"{START}*fast"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        anchored(text)
