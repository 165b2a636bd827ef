"""Two ingests: one writes, one stands by. Whatever happens to the writer, there is one at a time."""

import asyncio

from support.audit import LIVELY, Audit, audited
from support.eventually import eventually
from support.redis_server import free_port
from support.stack import Service, Stack


async def second_ingest(audit: Audit) -> Service:
    """Start it, and return once it stands by."""
    stack = audit.stack
    second = stack.service("ingest_btcturk", {"SPARK_BTCTURK_METRICS_PORT": str(free_port())}, "-2")
    stack.services["second"] = second
    second.start()
    await eventually(lambda: "standing by" in second.log.read_text(), 15, "a second ingest that stands by")
    return second


async def test_the_second_ingest_takes_over_from_a_killed_one() -> None:
    """Within its lease and a connection's time, with a gap and nothing twice."""
    async with audited(Stack(LIVELY)) as audit:
        await second_ingest(audit)
        audit.stack.ingest.kill()
        took_s = await audit.healed("writer killed, the second takes over")

        assert took_s < 6
        assert len(audit.bus.epochs) == 1
        assert len(audit.each.of("gap")) == 1, "one for all: it was connected before the venue was its own"
        await audit.check(causes=["takeover"])


async def test_an_old_writer_that_wakes_up_is_fenced() -> None:
    """It stood still for longer than its lease, and had something in hand: not one entry of it may come through."""
    async with audited(Stack(LIVELY)) as audit:
        second = await second_ingest(audit)
        audit.stack.ingest.pause()
        await audit.healed("writer stopped, the second takes over")
        audit.stack.ingest.resume()
        await eventually(
            lambda: "another ingest took over" in audit.stack.ingest.log.read_text(), what="a fenced writer"
        )
        await asyncio.sleep(1)

        assert len(audit.bus.epochs) == 1
        await audit.check(causes=["takeover"])

        second.kill()
        await audit.healed("the old writer takes over again")
        await audit.check(causes=["takeover"])
