"""All symbols of a source: shares are listed and delisted, and a list may be cut short."""

from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest

from spark_ingest_bist.choice import Enumeration, choose
from spark_ingest_bist.listing import Relisted, all_symbols, watch
from spark_ingest_bist.settings import IngestSettings
from spark_service.settings import load
from support.skipping import InProcess, Over, SkippingClock
from unit.bist.days import at, calendar

SYMBOLS: dict[str, str | None] = {f"S{number:02}": None for number in range(20)}


def simulated() -> Enumeration:
    enumeration = choose(load(IngestSettings, {"SPARK_BIST_SYMBOLS": "*"})).enumeration
    assert isinstance(enumeration, Enumeration)
    return enumeration


class Lists:
    """Answers with what ``listed`` holds, and notes when it was asked."""

    def __init__(self, start: str, until: str, listed: Any) -> None:
        self.clock = SkippingClock(at(start), at(until))
        self.listed = listed
        self.asked: list[int] = []
        self.transport = InProcess(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(self.clock.now_ms())
        rows = [each if isinstance(each, dict) else {"symbol": each} for each in self.listed]
        return httpx.Response(200, content=msgspec.json.encode(rows))

    async def watched(self) -> Any:
        """Return the symbols to begin anew with, None if there are no others."""
        try:
            with suppress(Over):
                await watch(simulated(), SYMBOLS, calendar(), self.clock, self.transport)
        except Relisted as exc:
            return exc.symbols
        return None


async def test_it_is_read_once_before_each_session() -> None:
    lists = Lists("2026-04-24 11:00", "2026-04-29 12:00", SYMBOLS)

    assert await lists.watched() is None
    opens = [at("2026-04-27 10:00"), at("2026-04-28 10:00"), at("2026-04-29 10:00")]
    assert len(lists.asked) == 3
    assert all(0 < opened - asked <= 30 * 60_000 for asked, opened in zip(lists.asked, opens, strict=True))


async def test_a_new_share_begins_a_new_list() -> None:
    lists = Lists("2026-04-27 08:00", "2026-04-28 12:00", [*SYMBOLS, "NEWCO"][1:])
    assert set(await lists.watched()) == {*SYMBOLS, "NEWCO"} - {"S00"}


async def test_a_list_cut_short_is_not_believed() -> None:
    assert await Lists("2026-04-27 08:00", "2026-04-28 12:00", list(SYMBOLS)[:10]).watched() is None


async def test_a_list_that_comes_only_when_it_trades_waits_for_the_next_morning() -> None:
    """To begin anew costs the readers a gap, and the source a round."""
    lists = Lists("2026-04-27 08:00", "2026-04-28 12:00", [])
    late = at("2026-04-27 10:05")
    answer = lists._answer

    def only_later(request: httpx.Request) -> httpx.Response:
        lists.listed = [*SYMBOLS, "NEWCO"] if lists.clock.now_ms() >= late else []
        return answer(request)

    lists.transport = InProcess(only_later)

    assert set(await lists.watched()) == {*SYMBOLS, "NEWCO"}
    assert lists.clock.now_ms() > at("2026-04-28 09:29")


@pytest.mark.parametrize("listed", [[], [{"name": "nobody"}], [{"symbol": "?"}]])
async def test_what_is_no_list_is_asked_for_again(listed: Any) -> None:
    lists = Lists("2026-04-27 08:00", "2026-04-27 09:00", listed)
    with pytest.raises(Over):
        await all_symbols(simulated(), lists.clock, lists.transport)
    assert 10 < len(lists.asked) < 40
