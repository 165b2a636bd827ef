"""What was asked and what was shown: the sources' own account, for a test to compare with what came out elsewhere."""

import msgspec

from spark_service.clock import now_ms
from spark_simulator.bist.market import Quote
from spark_simulator.bist.sources import Source
from spark_simulator.pages import Pages

_MOST_ENTRIES = 100_000
_MOST_BYTES = 64 * 1024 * 1024


class RequestEntry(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One request, or a WebSocket's subscription: ``at`` by the wall, ``market_time`` by the market's clock, both ms.

    ``fault`` names what kept it from being answered as it should be.
    """

    seq: int
    at: int
    market_time: int
    phase: str
    source: str
    path: str
    symbols: int
    status: int
    fault: str | None


class ShownEntry(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A price that a source showed for the first time: ``time``, ``price`` and ``volume`` as the market has them.

    ``faults`` names what was done to the row. ``request`` is the last number in the ledger of requests then.
    """

    seq: int
    at: int
    market_time: int
    source: str
    symbol: str
    time: int
    price: str
    volume: int | None
    faults: tuple[str, ...]
    request: int


class BistAccount:
    """Two bounded accounts."""

    def __init__(self, most_entries: int = _MOST_ENTRIES) -> None:
        self.requests: Pages[RequestEntry] = Pages(most_entries, _MOST_BYTES)
        self.shown: Pages[ShownEntry] = Pages(most_entries, _MOST_BYTES)
        self._last: dict[tuple[Source, str], tuple[Quote, tuple[str, ...]]] = {}

    def request(
        self, market_time: int, phase: str, source: str, path: str, symbols: int, status: int, fault: str | None
    ) -> None:
        """Note a request that was answered."""
        pages = self.requests
        pages.add(
            RequestEntry(pages.next, now_ms(), market_time, phase, source, path, symbols, status, fault), len(path)
        )

    def show(self, market_time: int, source: Source, quote: Quote, faults: tuple[str, ...]) -> None:
        """Note what was shown, unless it is what this source showed last."""
        known = self._last.get((source, quote.symbol))
        if known is not None and known[1] == faults and (known[0] is quote or known[0] == quote):
            return
        self._last[source, quote.symbol] = quote, faults
        pages = self.shown
        pages.add(
            ShownEntry(
                pages.next,
                now_ms(),
                market_time,
                source,
                quote.symbol,
                quote.time,
                f"{quote.price / 100:.2f}",
                quote.volume,
                faults,
                self.requests.next - 1,
            ),
            0,
        )
