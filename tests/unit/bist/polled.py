"""A feed on a virtual clock, asking a source that a test plays."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from spark_bus.publisher import Claim, Outgoing
from spark_ingest_bist.choice import Source
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.symbols import to_yahoo
from spark_ingest_bist.times import Times
from spark_ingest_bist.yahoo import YahooProtocol
from spark_market import wire
from spark_market.instruments import Mode
from support import yahoo
from support.skipping import InProcess, Over, SkippingClock
from unit.bist.days import DELAY, calendar

NEW = Claim("epoch", True, {}, {}, {})
Answer = Callable[[list[str]], httpx.Response]


def asked_of(request: httpx.Request) -> list[str]:
    """Return the symbols that a request of Yahoo's protocol names."""
    return [name.removesuffix(".IS") for name in request.url.params["symbols"].split(",")]


class Played:
    """``answer`` makes the responses; ``asked`` is when (ms) what was asked for."""

    def __init__(
        self,
        start_ms: int,
        symbols: Sequence[str] = ("THYAO",),
        answer: Answer | None = None,
        *,
        every_s: float = 15.0,
        most_per_hour: int | None = 1000,
        pulse: str | None = None,
        claim: Claim = NEW,
    ) -> None:
        self.clock = SkippingClock(start_ms)
        self.asked: list[tuple[int, list[str]]] = []
        self.answer = answer or self.prices
        self.registry = CollectorRegistry()
        self.published: list[Outgoing] = []
        self.source = Source(
            "yahoo", Mode.DELAYED, DELAY, to_yahoo,
            lambda wiring: Poller(
                YahooProtocol("http://yahoo.test"), wiring, every_s=every_s, most_per_hour=most_per_hour, pulse=pulse
            ),
        )  # fmt: skip
        self.feed = Feed(
            self.source, dict.fromkeys(symbols), calendar(), IngestMetrics(self.registry),
            Times(self.clock, self.clock), transport=InProcess(self._respond),
        )  # fmt: skip
        self.feed.lead(claim, self.published.extend, "start")

    def _respond(self, request: httpx.Request) -> httpx.Response:
        symbols = asked_of(request)
        self.asked.append((self.clock.now_ms(), symbols))
        return self.answer(symbols)

    def prices(self, symbols: list[str], **changes: Any) -> httpx.Response:
        """Return rows that move with each answer."""
        time_s = (self.clock.now_ms() - DELAY) // 1000
        price = 300 + len(self.asked) % 25
        rows = [
            yahoo.row(f"{symbol}.IS", **{"regularMarketTime": time_s, "regularMarketPrice": price, **changes})
            for symbol in symbols
        ]
        return httpx.Response(200, content=yahoo.encoded(yahoo.spark(*rows)))

    async def run(self, until_ms: int) -> None:
        """Let time pass."""
        self.clock.until_ms = until_ms
        with suppress(Over):
            await self.feed.session.run()

    def messages(self) -> list[Any]:
        """Return what was published."""
        return [wire.decode(message.data) for message in self.published]

    def gaps(self) -> list[Any]:
        return [wire.decode(message.data) for message in self.published if message.kind == "gap"]

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"spark_ingest_{name}", {"venue": "bist", **labels}) or 0.0
