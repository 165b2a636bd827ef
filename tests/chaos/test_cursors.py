"""Cursors that nobody gave out, or no longer mean anything: never an error, which a browser would take for the end."""

import time
from functools import partial
from urllib.parse import quote

from support.eventually import eventually
from support.running import running
from support.sse import EventSource
from support.stack import Stack

SYMBOLS = ("BTC_TRY", "ETH_TRY", "XRP_TRY", "USDT_TRY")
FUTURE_MS = int(time.time() * 1000) + 3_600_000


def bad_cursors(epoch: str) -> dict[str, str]:
    return {
        "another epoch": f"btcturk.{'d' * 12}.1766400000000-0",
        "another epoch, from the future": f"btcturk.{'d' * 12}.9999999999999999-0",
        "before the stream began": f"btcturk.{epoch}.1-0",
        "an hour ahead of everything": f"btcturk.{epoch}.{FUTURE_MS}-0",
        "another venue": "bist.0123456789ab.1766400000000-0",
        "garbage": "garbage",
        "half a cursor": f"btcturk.{epoch}",
        "markup": "<script>alert(1)</script>",
        "a number": "42",
        "commas": ",,,,",
        "no such id": f"btcturk.{epoch}.99999999999999999999-1",
        "absurdly long": "btcturk." * 3_000,
        "absurdly many": ",".join([f"btcturk.{epoch}.1-0"] * 200),
    }


async def test_a_bad_cursor_is_answered_with_a_gap_and_a_snapshot() -> None:
    """In the header as in the address, and the stream goes on from there."""
    async with Stack() as stack:
        url = stack.stream_url(throttle=0)
        await stack.ready(*SYMBOLS)
        epoch = (await stack.get("/api/market/btcturk/snapshot"))["cursor"].split(".")[1]
        cursors = bad_cursors(epoch)
        clients = {f"{name}, header": EventSource(url, cursor) for name, cursor in cursors.items()} | {
            f"{name}, address": EventSource(f"{url}&lastEventId={quote(cursor)}") for name, cursor in cursors.items()
        }
        for name, client in clients.items():
            async with running(client.run()):
                await eventually(partial(opened, client), 5, f"an opening for {name}")
            opening = [event.type for event in client.events]
            opening = opening[: opening.index("health") + 1]
            assert set(client.statuses) == {200}, name
            assert "gap" in opening, name
            assert opening.index("gap") < opening.index("ticker"), name
            assert opening.count("ticker") == len(SYMBOLS), name


def opened(client: EventSource) -> bool:
    """Return whether a snapshot was closed by a position to go on from."""
    return any(event.id for event in client.of("health"))
