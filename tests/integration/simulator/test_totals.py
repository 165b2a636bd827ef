"""Totals, the truth and the ledger's file: what a long run is compared with, one for one."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from integration.simulator.helpers import client_of, fault, http_of, seeded, settings_for, simulated
from spark_service.lifecycle import CannotStart
from spark_service.settings import SettingsError

BUSY: dict[str, Any] = {"change_probability": 1, "trades_per_minute": 3000, "snapshot_delay_ms": 5}


def crc(marks: list[str]) -> int:
    return zlib.crc32("".join(f"{mark}\n" for mark in marks).encode())


async def test_totals_are_counts_and_checksums_of_all_that_one_connection_was_given() -> None:
    async with simulated(**BUSY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("trade", "BTCTRY")
        await seeded(client, "BTCTRY")
        ids, sets = [], []
        for _ in range(300):
            number, body = await client.frame()
            if number == 422:
                ids.append(body["I"])
            elif number == 432:
                sets.append(str(body["CS"]))
        await fault(http, "silence", seconds=600)
        [of] = (await http.get("/control/totals")).json()["connections"]
        trades, changes = of["tallies"]["422:BTCTRY"], of["tallies"]["432:BTCTRY"]
        while len(ids) < trades["frames"] or len(sets) < changes["frames"]:
            number, body = await client.frame()
            if number == 422:
                ids.append(body["I"])
            elif number == 432:
                sets.append(str(body["CS"]))

    assert of["connection"] == 1
    assert (trades["frames"], trades["last"], trades["checksum"]) == (len(ids), ids[-1], crc(ids))
    assert (changes["frames"], changes["last"], changes["checksum"]) == (len(sets), sets[-1], crc(sets))
    assert of["tallies"]["421:BTCTRY"]["frames"] == of["tallies"]["431:BTCTRY"]["frames"] == 1


async def test_the_truth_knows_what_nobody_was_sent() -> None:
    async with simulated(**BUSY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("ticker", "ETHTRY")
        for _ in range(20):
            await client.next(402)
        page = (await http.get("/control/changesets", params={"limit": 5})).json()
        assert [entry["seq"] for entry in page["entries"]] == [1, 2, 3, 4, 5]
        assert all((entry["frame"], entry["sent"]) == (None, 0) for entry in page["entries"])
        trade = (await http.get("/control/trades", params={"limit": 1})).json()["entries"][0]
        assert trade.keys() == {"seq", "pair", "id", "time", "price", "size", "side", "code", "sent", "faults"}
        totals = (await http.get("/control/totals")).json()
        assert totals["trades"] > 0
        assert totals["changeSets"] >= 5
        assert totals["file"] is None
        assert totals["connections"][0]["tallies"]["402:ETHTRY"]["last"] is None


async def test_the_ledgers_file_has_a_line_for_each_frame_of_its_types(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with (
        simulated(**BUSY, ledger_file=path, ledger_types="422,431,432") as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        for channel in ("trade", "ticker", "obdiff"):
            await client.join(channel, "XRPTRY")
        received: list[str] = []
        while len(received) < 200:
            if (text := await client.text())[:5] in ("[422,", "[431,", "[432,"):
                received.append(text)
        file = (await http.get("/control/totals")).json()["file"]
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert (file["path"], file["failure"]) == (str(path), None)
        assert file["lines"] == len(lines)
    assert [line["frame"] for line in lines[:200]] == received
    assert lines[0].keys() == {"seq", "at", "connection", "type", "event", "frame", "fault"}
    assert len(path.read_text().splitlines()) >= len(lines)


async def test_a_ledgers_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"cannot write .*SPARK_SIMULATOR_LEDGER_FILE"):
        async with simulated(ledger_file=tmp_path / "no" / "folder"):
            pass


@pytest.mark.parametrize("types", ["x", "432,-1", "428"])
def test_bad_types_are_named(types: str) -> None:
    with pytest.raises(SettingsError, match="SPARK_SIMULATOR_LEDGER_TYPES"):
        settings_for(ledger_types=types)


async def test_the_ledger_is_read_by_type_and_event() -> None:
    async with simulated(**BUSY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        for channel, event in (("ticker", "BTCTRY"), ("obdiff", "ETHTRY"), ("obdiff", "BTCTRY")):
            await client.join(channel, event)
        for _ in range(100):
            await client.frame()
        everything = (await http.get("/control/ledger", params={"limit": 10_000})).json()
        query: dict[str, str | int] = {"types": "431,432", "event": "ETHTRY", "limit": 10}
        page = (await http.get("/control/ledger", params=query)).json()
        rest = (await http.get("/control/ledger", params={**query, "after": page["read"], "limit": 10_000})).json()

    expected = [entry for entry in everything["entries"] if entry["type"] in (431, 432) and entry["event"] == "ETHTRY"]
    assert (page["entries"] + rest["entries"])[: len(expected)] == expected
    assert len(page["entries"]) == 10
