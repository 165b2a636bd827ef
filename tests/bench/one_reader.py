"""One reader of all symbols in a process of its own: prints when each ticker's bytes arrived.

Arguments: port, seconds to read after the first ticker.
"""

import asyncio
import sys
import time

import msgspec

from bench import sse_lines


class Arrivals(asyncio.Protocol):
    """Notes the time of day (ms) first, then looks at the bytes."""

    def __init__(self) -> None:
        self._lines = sse_lines.Lines()
        self.noted: list[tuple[float, str]] = []
        self.began = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        at = time.time() * 1000
        for line in self._lines.take(data):
            self.noted.append((at, line.decode()))
            self.began.set()


async def main(port: int, seconds: float) -> None:
    arrivals = Arrivals()
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: arrivals, "127.0.0.1", port)
    transport.write(sse_lines.request("*", 0))
    async with asyncio.timeout(10):
        await arrivals.began.wait()
    await asyncio.sleep(seconds)
    transport.abort()
    sys.stdout.buffer.write(msgspec.json.encode(arrivals.noted) + b"\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
