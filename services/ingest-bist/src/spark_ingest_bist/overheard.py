"""Which symbols a source has that has no list of them: those that it tells of when it is asked for everything."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from spark_ingest import websocket
from spark_ingest.websocket import Closed, connected
from spark_ingest_bist.push import LARGEST_FRAME
from spark_ingest_bist.quotes import MalformedAnswer, Refused
from spark_ingest_bist.sources import Endpoint, PushProtocol

_LISTEN_S: Final = 60.0
_NO_MORE_AFTER_S: Final = 10.0


class NothingHeard(Exception):
    """It told of no symbol; the text says why, without a secret."""


@dataclass(frozen=True)
class Overheard:
    """A source that sends by itself."""

    endpoint: Endpoint
    protocol: Callable[[], PushProtocol]

    async def listen(self) -> Mapping[str, str | None]:
        """Return the symbols that a connection tells of, and their names, once nothing new comes. Raises NothingHeard.

        That takes 10 s at least, and a minute at most.
        """
        found: dict[str, str | None] = {}
        try:
            connection = connected(self.endpoint.url, self.endpoint.headers, LARGEST_FRAME)
            async with connection as ws, asyncio.timeout(_LISTEN_S):
                protocol = self.protocol()
                await ws.send(*protocol.opening(()))
                async with asyncio.timeout(_NO_MORE_AFTER_S) as quiet:
                    while True:
                        known = len(found)
                        frame = await ws.receive()
                        with suppress(MalformedAnswer):  # the next one may be well
                            found.update((quote.symbol, quote.name) for quote in protocol.receive(frame, 0).quotes)
                        if len(found) > known:
                            quiet.reschedule(asyncio.get_running_loop().time() + _NO_MORE_AFTER_S)
        except TimeoutError:
            if not found:
                raise NothingHeard("it sends nothing; outside of session hours it may have nothing to say") from None
        except (OSError, Closed, websocket.Refused, Refused) as exc:
            raise NothingHeard(self.endpoint.scrubbed(f"{type(exc).__name__} {exc}")) from None
        return found
