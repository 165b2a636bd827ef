"""All symbols that a source has: read at a start, and again before each session, for shares are listed and delisted."""

from collections.abc import Mapping
from typing import Final

import httpx
import structlog

from spark_ingest_bist.choice import CannotList, Enumeration, enumerate_once
from spark_ingest_bist.overheard import Overheard
from spark_market.sessions import Calendar
from spark_service.backoff import backoff
from spark_service.clock import Clock

_BEFORE_OPENING_MS: Final = 30 * 60_000
_NAP_S: Final = 600.0
_MOST_GONE: Final = 0.1
_MOST_NAMED: Final = 20

Symbols = Mapping[str, str | None]

logger = structlog.get_logger()


class Relisted(Exception):
    """The source has other symbols than before: begin anew with ``symbols``, which have their names."""

    def __init__(self, symbols: Symbols) -> None:
        super().__init__(f"{len(symbols)} symbols")
        self.symbols = symbols


async def all_symbols(
    enumeration: Enumeration | Overheard, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> Symbols:
    """Return all that the source has, as soon as it tells."""
    waits = backoff(first_s=2.0, most_s=300.0)
    while True:
        try:
            return await enumerate_once(enumeration, transport)
        except CannotList as exc:
            wait_s = next(waits)
            logger.warning("cannot read the source's symbols", error=str(exc), retry_in_s=round(wait_s, 1))
            await clock.sleep(wait_s)


async def watch(
    enumeration: Enumeration,
    symbols: Symbols,
    calendar: Calendar,
    clock: Clock,
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Read the list half an hour before each session, when nothing is traded and to begin anew costs nothing.

    ``clock`` is the market's. Raises Relisted. A list from which more than a tenth is missing is not believed.
    """
    done: int | None = None
    while True:
        now_ms = clock.now_ms()
        day = calendar.session(now_ms)
        if day is None or day.opens_at == done or not 0 < day.opens_at - now_ms <= _BEFORE_OPENING_MS:
            await clock.sleep(_NAP_S)
            continue
        done = day.opens_at
        found = await all_symbols(enumeration, clock, transport)
        if clock.now_ms() >= day.opens_at:
            logger.warning("the source told its symbols too late for this session; they are read before the next")
            continue
        gone, new = symbols.keys() - found.keys(), found.keys() - symbols.keys()
        if len(gone) > _MOST_GONE * len(symbols):
            logger.warning("the source's list lacks too much to be believed", symbols=len(found), gone=len(gone))
        elif gone or new:
            logger.info(
                "the source has other symbols now", new=sorted(new)[:_MOST_NAMED], gone=sorted(gone)[:_MOST_NAMED]
            )
            raise Relisted(found)
