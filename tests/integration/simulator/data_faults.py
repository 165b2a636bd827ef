"""What tests of the data's faults ask the simulator for."""

from typing import Any

import httpx

from integration.simulator.helpers import Book, Client

LIVELY: dict[str, Any] = {"change_probability": 1, "trades_per_minute": 0, "snapshot_delay_ms": 5}


async def change_sets(http: httpx.AsyncClient, pair: str = "BTCTRY") -> list[Any]:
    entries = (await http.get("/control/changesets", params={"limit": 10_000})).json()["entries"]
    return [entry for entry in entries if entry["pair"] == pair]


async def trades(http: httpx.AsyncClient) -> list[Any]:
    return list((await http.get("/control/trades", params={"limit": 10_000})).json()["entries"])


async def withheld(http: httpx.AsyncClient, name: str, pair: str = "BTCTRY") -> list[int]:
    """Return the numbers of the change sets that a fault kept back or altered."""
    return [entry["changeSet"] for entry in await change_sets(http, pair) if name in entry["faults"]]


async def after(client: Client, book: Book) -> list[int]:
    """Return how far the next three change sets are from the last known one."""
    return [(await client.next(432))["CS"] - book.change_set for _ in range(3)]


async def rejoined(client: Client, channel: str, pair: str) -> None:
    await client.ask(channel, pair, join=False)
    while (await client.next(100))["message"] != f"leave|{channel}:{pair}":
        pass
    assert (await client.join(channel, pair))["ok"]
