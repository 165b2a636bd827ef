"""The venue's REST interface, as far as clients of the feed need it: the list of pairs, tickers, time and ping."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from spark_simulator.answers import answer, exact
from spark_simulator.pairs import Pair
from spark_simulator.row import Board, Row, number, rounded

_METHODS = ("MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT")
_LIMIT_METHODS = ("LIMIT", "STOP_LIMIT")
_LIMIT_ONLY_EVERY = 15  # so that, as at the venue, 25 of 379 pairs take limit orders only
_LEAST_VALUE = {"TRY": "99.91", "USDT": "9.91"}
_LIRA_ID = 1


class Rest:
    """Handlers for the paths under ``/btcturk/api/v2``."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._pairs = {pair.symbol: pair for pair in board.pairs}

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and their handlers."""
        return [
            web.get("/btcturk/api/v2/server/exchangeinfo", self.exchange_info),
            web.get("/btcturk/api/v2/server/time", self.time),
            web.get("/btcturk/api/v2/server/ping", self.ping),
            web.get("/btcturk/api/v2/ticker", self.ticker),
        ]

    async def exchange_info(self, request: web.Request) -> web.Response:
        """Every pair and currency."""
        data = {
            "timeZone": "UTC",
            "serverTime": _now_ms(),
            "symbols": [_symbol(pair) for pair in self._board.pairs],
            "currencies": self._currencies(),
            "currencyOperationBlocks": [
                {"currencySymbol": base.capitalize(), "withdrawalDisabled": False, "depositDisabled": False}
                for base in dict.fromkeys(pair.base for pair in self._board.pairs)
            ],
        }
        return answer(request, _enveloped(data, message="") | {"extensions": None})

    async def ticker(self, request: web.Request) -> web.Response:
        """All tickers, or one in a list; an unknown pair is an empty list, not an error."""
        asked = request.query.get("pairSymbol")
        pairs = self._pairs.values() if asked is None else self._found(asked)
        now_ms = _now_ms()
        return answer(request, _enveloped([_ticker(pair, self._board.row(pair.symbol), now_ms) for pair in pairs]))

    async def time(self, request: web.Request) -> web.Response:
        """The venue's clock, which comes without an envelope."""
        now = datetime.now(UTC)
        return answer(request, {"serverTime": int(now.timestamp() * 1000), "serverTime2": now.isoformat()})

    async def ping(self, request: web.Request) -> web.Response:
        """A sign of life."""
        return answer(request, {"pong": True})

    def _found(self, asked: str) -> list[Pair]:
        pair = self._pairs.get(asked.upper().replace("_", ""))
        return [] if pair is None else [pair]

    def _currencies(self) -> list[dict[str, Any]]:
        scales = {pair.base: pair.size_scale for pair in self._board.pairs}
        lira = {
            "id": _LIRA_ID,
            "symbol": "TRY",
            "minWithdrawal": 10,
            "minDeposit": 0,
            "precision": 2,
            "currencyType": "FIAT",
            "name": "Türk Lirası",
        }
        return [lira] + [
            {
                "id": _LIRA_ID + nth,
                "symbol": base,
                "minWithdrawal": exact(format(Decimal(1).scaleb(1 - scale), "f")),
                "minDeposit": exact(format(Decimal(1).scaleb(-scale), "f")),
                "precision": scale,
                "currencyType": "CRYPTO",
                "name": base,
            }
            for nth, (base, scale) in enumerate(scales.items(), start=1)
        ]


def _now_ms() -> int:
    return int(time.time() * 1000)


def _enveloped(data: Any, message: str | None = None) -> dict[str, Any]:
    return {"data": data, "success": True, "message": message, "code": 0}


def _symbol(pair: Pair) -> dict[str, Any]:
    scale = pair.price_scale
    return {
        "id": pair.id,
        "name": pair.symbol,
        "nameNormalized": pair.normalized,
        "status": "TRADING",
        "numerator": pair.base,
        "denominator": pair.quote,
        "numeratorScale": pair.size_scale,
        "denominatorScale": scale,
        "hasFraction": scale > 0,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.0000000000001",
                "maxPrice": "10000000",
                "tickSize": pair.tick,
                "minExchangeValue": _LEAST_VALUE.get(pair.quote, "0.0001"),
                "minAmount": None,
                "maxAmount": None,
            }
        ],
        "orderMethods": _METHODS if pair.id % _LIMIT_ONLY_EVERY else _LIMIT_METHODS,
        "displayFormat": "#,##0." + "0" * scale if scale else "#,###",
        "commissionFromNumerator": False,
        "order": pair.order,
        "priceRounding": False,
        "isNew": False,
        "marketPriceWarningThresholdPercentage": 0.25,
        "maximumOrderAmount": None,
        "maximumLimitOrderPrice": exact(_plain(pair.reference_price * 10)),
        "minimumLimitOrderPrice": exact(_plain(pair.reference_price / 10)),
    }


def _plain(price: Decimal) -> str:
    return format(price.normalize(), "f")


def _ticker(pair: Pair, row: Row, now_ms: int) -> dict[str, Any]:
    def figure(key: str) -> Any:
        return exact(number(row.get(key, "null")))  # a recording may lack a key

    average = number(row.get("AV", "0"))
    return {
        "pair": pair.symbol,
        "pairNormalized": pair.normalized,
        "timestamp": now_ms,
        "last": figure("LA"),
        "high": figure("H"),
        "low": figure("L"),
        "bid": figure("B"),
        "ask": figure("A"),
        "open": figure("O"),
        "volume": figure("V"),
        "average": exact(rounded(average, pair.price_scale)),
        "daily": figure("D"),
        "dailyPercent": figure("DP"),
        "denominatorSymbol": pair.quote,
        "numeratorSymbol": pair.base,
        "order": pair.order,
    }
