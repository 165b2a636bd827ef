"""Two gateways that die in turn, and connections that break amid a message: each tick comes once, without a gap."""

import asyncio
import random

import pytest

from support.audit import LIVELY, audited
from support.redis_server import free_port
from support.stack import Stack
from support.tcp_proxy import TcpProxy

STEPS = 14
OTHERS = (
    "symbol=BTC_TRY&throttle=0",
    "symbol=BTC_TRY,XRP_TRY&throttle=50",
    "symbol=ETH_TRY,USDT_TRY&throttle=500&channel=ticker,trade",
    "symbol=*&throttle=1000&channel=book,ticker",
)


@pytest.mark.parametrize("seed", [1, 2])
async def test_clients_that_are_thrown_from_one_gateway_to_the_other_lack_nothing(seed: int) -> None:
    """Every return is a resume: from the memory of a gateway that ran on, or from Redis at one that has just begun."""
    rng = random.Random(seed)
    stack = Stack(LIVELY)
    stack.services["second"] = second = stack.service("gateway", {"SPARK_GATEWAY_PORT": str(port := free_port())}, "-2")
    gateways = [(stack.gateway, stack.gateway_port), (second, port)]
    async with TcpProxy(stack.gateway_port) as proxy, audited(stack, proxy.port, OTHERS) as audit:
        for _ in range(STEPS):
            rng.shuffle(gateways)
            (dying, _), (living, port) = gateways
            proxy.lead_to(port)
            match rng.choice(["kill", "cut", "cut_after", "cut_after", "pause"]):
                case "kill":
                    dying.restart()
                case "cut":
                    proxy.cut()
                case "cut_after":
                    proxy.cut_after(rng.randrange(1, 60_000))
                case "pause":  # it falls behind, and is behind the cursors of those that come to it
                    living.pause()
                    proxy.cut()
                    await asyncio.sleep(rng.uniform(0.1, 0.5))
                    living.resume()
            await asyncio.sleep(rng.uniform(0.1, 0.8))
        await audit.healed("gateways and connections killed")

        assert min(client.connections for client in (*audit.clients, *audit.others)) > 2
        await audit.check()
