"""Tickers as the venue sends them: every pair at its own moment, changed or not."""

import asyncio
from decimal import Decimal
from itertools import pairwise

from integration.simulator.helpers import client_of, http_of, simulated

KEYS = {"B", "A", "BA", "AA", "PS", "H", "L", "LA", "O", "V", "AV", "D", "DP", "DS", "NS", "PId"}


async def test_a_ticker_has_the_venues_keys_and_arithmetic() -> None:
    """All figures are text; ``D`` is measured from the ask but ``DP`` from the last price, as at the venue."""
    async with simulated(change_probability=1) as simulator, client_of(simulator) as client:
        await client.join("ticker", "USDTTRY")
        for _ in range(20):
            body = await client.next(402)

            assert body.keys() == KEYS | {"channel", "event", "type"}
            assert (body["PS"], body["NS"], body["DS"], body["PId"]) == ("USDTTRY", "USDT", "TRY", 18)
            assert (body["channel"], body["event"], body["type"]) == ("ticker", "USDTTRY", 402)
            figure = {key: Decimal(body[key]) for key in ("B", "A", "H", "L", "LA", "O", "AV", "D", "DP")}
            assert figure["B"] < figure["A"]
            assert figure["L"] <= min(figure["LA"], figure["AV"]) <= max(figure["LA"], figure["AV"]) <= figure["H"]
            assert figure["D"] == figure["A"] - figure["O"]
            assert abs(figure["DP"] - (figure["LA"] / figure["O"] - 1) * 100) <= Decimal("0.005")
            assert len(body["AV"].partition(".")[2]) == 12
            assert len(body["DP"].partition(".")[2]) == 2


async def test_an_unchanged_ticker_is_sent_again_byte_for_byte() -> None:
    """Repeats are the feed's only heartbeat."""
    async with simulated(change_probability=0, trades_per_minute=0) as simulator, client_of(simulator) as client:
        await client.join("ticker", "BTCTRY")
        assert len({await client.next_text(402) for _ in range(10)}) == 1


async def test_some_tickers_change_and_some_do_not() -> None:
    async with simulated(change_probability=0.3) as simulator, client_of(simulator) as client:
        await client.join("ticker", "BTCTRY")
        texts = [await client.next_text(402) for _ in range(60)]
        changes = sum(before != after for before, after in pairwise(texts))
        assert 5 <= changes <= 35


async def test_a_pairs_tickers_come_at_the_interval() -> None:
    async with simulated(interval_ms=40) as simulator, client_of(simulator) as client:
        loop = asyncio.get_running_loop()
        await client.join("ticker", "BTCTRY")
        await client.next(402)
        started = loop.time()
        for _ in range(10):
            await client.next(402)
        assert 0.3 < loop.time() - started < 2.0


async def test_pairs_are_spread_over_the_interval() -> None:
    """Not one burst an interval: each pair, and all of them together, has a moment of its own."""
    async with simulated(interval_ms=500) as simulator, client_of(simulator) as client, http_of(simulator) as http:
        events = ["BTCTRY", "ETHTRY", "XRPTRY", "USDTTRY", "all"]
        for event in events:
            await client.ask("ticker", event)
        heard: set[str] = set()
        while len(heard) < len(events):
            frame = await client.frame()
            if frame[0] in (401, 402):
                heard.add(frame[1]["event"])
        entries = (await http.get("/control/ledger")).json()["entries"]

    moments = {entry["event"]: entry["at"] % 500 for entry in entries if entry["type"] in (401, 402)}
    ordered = sorted(moments[event] for event in events)
    gaps = [after - before for before, after in pairwise(ordered)]
    assert min(gaps) > 20


async def test_all_carries_every_pair_every_time() -> None:
    async with simulated(pairs=379, interval_ms=100) as simulator, client_of(simulator) as client:
        await client.join("ticker", "all")
        for _ in range(2):
            body = await client.next(401)
            assert (body["channel"], body["event"], body["type"]) == ("ticker", "all", 401)
            assert len({row["PS"] for row in body["items"]}) == 379
            assert all(row.keys() == KEYS | {"Ord"} for row in body["items"])


async def test_all_agrees_with_the_pairs_own_tickers() -> None:
    async with simulated(change_probability=0, trades_per_minute=0) as simulator, client_of(simulator) as client:
        await client.join("ticker", "all")
        rows = {row["PS"]: row for row in (await client.next(401))["items"]}
        await client.join("ticker", "XRPTRY")
        ticker = await client.next(402)
        assert {key: ticker[key] for key in KEYS} == {key: rows["XRPTRY"][key] for key in KEYS}
