"""A reader of both venues that does nothing with what it reads: what any monitor costs at the least.

Argument: Redis URL. Says `true`, then reads until it is killed.
"""

import asyncio
import json
import sys

import uvloop

from spark_bus.connection import connect
from spark_bus.reader import Reader
from spark_service.backoff import backoff
from support.examples import Notes


async def follow(url: str, venue: str) -> None:
    async for _ in Reader(connect(url), venue, backoff, Notes()).follow():
        pass


async def main(url: str) -> None:
    print(json.dumps(True), flush=True)
    await asyncio.gather(follow(url, "btcturk"), follow(url, "bist"))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
