"""Orderly stops, as of every deployment: quick, announced, and without loss of what was in hand."""

import asyncio
import time

from support.audit import LIVELY, audited
from support.stack import Stack

STOP_S = 5.0


async def test_a_stopping_gateway_says_goodbye_and_costs_nothing() -> None:
    """Open streams do not hold it up; the clients are told when to come back, and go on without a gap."""
    async with audited(Stack(LIVELY)) as audit:
        started = time.monotonic()
        status = await asyncio.to_thread(audit.stack.gateway.terminate)
        took_s = time.monotonic() - started
        print(f"gateway stopped in {took_s:.1f} s")
        for client in audit.clients:
            [goodbye] = client.of("goodbye")
            assert goodbye is client.events[-1]
            assert goodbye.data["reason"] == "shutdown"
            assert 0 < goodbye.data["retry"] < 10_000
        audit.stack.gateway.start()
        await audit.healed("gateway stopped and started")

        assert status == 0
        assert took_s < STOP_S
        await audit.check()


async def test_a_stopping_ingest_publishes_what_it_has_and_lets_the_next_one_in() -> None:
    """The lease is given back: its successor need not wait for its end."""
    async with audited(Stack(LIVELY)) as audit:
        asked_at_ms = time.time() * 1000
        status = await asyncio.to_thread(audit.stack.ingest.terminate)
        took_s = time.time() - asked_at_ms / 1000
        print(f"ingest stopped in {took_s:.1f} s")
        audit.stack.ingest.start()
        healed_s = await audit.healed("ingest stopped and started")

        assert status == 0
        assert took_s < STOP_S
        assert healed_s < 3, "it waited for the lease of one that had left"
        in_hand = [sent for sent in audit.lost() if sent.at < asked_at_ms - 200]
        assert in_hand == []
        await audit.check(causes=["start"])
