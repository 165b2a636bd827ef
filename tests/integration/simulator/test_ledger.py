"""The ledger is what a test compares deliveries with: it has to be exactly what was sent."""

import time

from integration.simulator.helpers import client_of, http_of, simulated
from spark_simulator.frames import Frame
from spark_simulator.ledger import Ledger


async def test_the_ledger_is_what_the_client_received() -> None:
    async with simulated(change_probability=1) as simulator, http_of(simulator) as http:
        began = time.time() * 1000
        async with client_of(simulator) as client:
            await client.ask("ticker", "BTCTRY")
            await client.ask("ticker", "all")
            received = [await client.text() for _ in range(40)]
        page = (await http.get("/control/ledger", params={"limit": 40})).json()

    entries = page["entries"]
    assert [entry["frame"] for entry in entries] == received
    assert [entry["seq"] for entry in entries] == list(range(1, 41))
    assert {entry["connection"] for entry in entries} == {1}
    assert entries[0] | {"at": 0} == {
        "seq": 1, "at": 0, "connection": 1, "type": 991, "event": None, "frame": received[0],
        "fault": None,
    }  # fmt: skip
    assert {(entry["type"], entry["event"]) for entry in entries[1:]} == {
        (100, "BTCTRY"), (100, "all"), (402, "BTCTRY"), (401, "all"),
    }  # fmt: skip
    times = [entry["at"] for entry in entries]
    assert times == sorted(times)
    assert began <= times[0] <= times[-1] <= time.time() * 1000
    assert page["first"] == 1
    assert page["forgotten"] == 0
    assert page["last"] >= 40


async def test_the_ledger_is_read_on_from_a_number() -> None:
    async with simulated() as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("ticker", "BTCTRY")
        for _ in range(5):
            await client.next(402)
        page = (await http.get("/control/ledger", params={"after": 3, "limit": 2})).json()
        assert [entry["seq"] for entry in page["entries"]] == [4, 5]
        assert (await http.get("/control/ledger", params={"after": 10**6})).json()["entries"] == []


def test_the_oldest_entries_are_forgotten_by_number() -> None:
    ledger = Ledger(None, most_entries=3)
    for nth in range(5):
        ledger.write(1, Frame(402, "BTCTRY", str(nth)))
    page = ledger.page(after=0, limit=10)
    assert (page.first, page.last, page.forgotten) == (3, 5, 2)
    assert [entry.frame for entry in page.entries] == ["2", "3", "4"]
    assert [entry.seq for entry in ledger.page(after=4, limit=10).entries] == [5]


def test_the_oldest_entries_are_forgotten_by_bytes() -> None:
    ledger = Ledger(None, most_bytes=25)
    for _ in range(4):
        ledger.write(1, Frame(401, "all", "x" * 10))
    assert [entry.seq for entry in ledger.page(after=0, limit=10).entries] == [3, 4]
