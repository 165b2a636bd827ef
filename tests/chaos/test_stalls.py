"""A process that stands still and goes on, as when a machine sleeps or starves: it must not take old for new."""

import asyncio

import pytest

from support.audit import LIVELY, audited
from support.stack import Stack


@pytest.mark.parametrize("stopped_s", [4, 10])
async def test_a_stopped_ingest_throws_away_what_waited_in_its_socket(stopped_s: int) -> None:
    """Nobody can tell how old that is; it connects anew, and discloses the hole."""
    async with audited(Stack(LIVELY)) as audit:
        audit.stack.ingest.pause()
        await asyncio.sleep(stopped_s)
        audit.stack.ingest.resume()
        await audit.healed(f"ingest stopped for {stopped_s} s")

        assert len(audit.each.of("gap")) == 4
        await audit.check(causes=["stalled"])


async def test_a_stopped_gateway_catches_up() -> None:
    """Its clients are late, and miss nothing."""
    async with audited(Stack(LIVELY)) as audit:
        audit.stack.gateway.pause()
        await asyncio.sleep(4)
        audit.stack.gateway.resume()
        await audit.healed("gateway stopped for 4 s")

        await audit.check()


async def test_a_silent_venue_that_speaks_again_needs_no_gap_while_the_connection_stands() -> None:
    """The venue sent nothing, so nothing is missing."""
    async with audited(Stack(LIVELY)) as audit:
        await audit.stack.control("POST", "/faults", json={"fault": "silence", "seconds": 3})
        await asyncio.sleep(3)
        await audit.healed("venue silent for 3 s")

        await audit.check()
