"""How far a starting platform has come, as its gateway tells: what `make up` waits for, and then says of each venue."""

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

FAMILIAR = {"btcturk": "BTC_TRY", "bist": "THYAO"}
NOT_YET = {"UNKNOWN", "DOWN"}  # as healthz says it while the monitor has not seen the first data


class Venue(NamedTuple):
    """One venue: what the monitor thinks of it, and where the gateway has a ticker of it, None while it has none.

    ``better_follows`` says that the symbol that most people know is carried, but has no ticker yet.
    """

    name: str
    status: str
    reason: str
    example: str | None
    better_follows: bool

    @property
    def presentable(self) -> bool:
        """Whether there is something to look at, and a verdict on it."""
        return self.example is not None and self.status not in NOT_YET

    @property
    def settled(self) -> bool:
        """Whether there is no reason to wait any more."""
        return self.presentable and not self.better_follows


def standing(page: str) -> list[Venue] | None:
    """Return how each venue is; None while the gateway is not ready."""
    # Not urllib, which would ask a configured proxy for 127.0.0.1.
    connection = http.client.HTTPConnection(urlsplit(page).netloc, timeout=1)
    try:
        if _get(connection, "/readyz")[0] != http.HTTPStatus.OK:
            return None
        status, body = _get(connection, "/api/healthz")
        if status != http.HTTPStatus.OK:
            return None
        verdicts = json.loads(body)["venues"].items()
        return [Venue(name, told["status"], told["reason"], *_example(connection, name)) for name, told in verdicts]
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _example(connection: http.client.HTTPConnection, venue: str) -> tuple[str | None, bool]:
    """Return the path of a ticker, and whether a better one follows: a polled source tells its symbols in lots."""
    familiar = FAMILIAR[venue]
    status, body = _get(connection, f"/api/market/{venue}/snapshot")
    if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        return _ticker_path(venue, familiar), False  # it takes a key: whoever has one knows what to ask for
    if status != http.HTTPStatus.OK:
        return None, False
    messages: list[dict[str, Any]] = json.loads(body)["messages"]
    symbols = [message["data"]["symbol"] for message in messages if message["type"] == "ticker"]
    if familiar in symbols:
        return _ticker_path(venue, familiar), False
    status, body = _get(connection, f"/api/market/{venue}/symbols")
    carried = status == http.HTTPStatus.OK and any(
        instrument["symbol"] == familiar for instrument in json.loads(body)["instruments"]
    )
    return (_ticker_path(venue, symbols[0]) if symbols else None), carried


def _ticker_path(venue: str, symbol: str) -> str:
    return f"/api/market/{venue}/ticker?symbol={quote(symbol)}"


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()
