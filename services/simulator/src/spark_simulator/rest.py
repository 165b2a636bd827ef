"""The venue's REST interface, as far as clients of the feed need it: pairs, tickers, books, trades, time and ping."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from spark_simulator.answers import answer, exact
from spark_simulator.book import WINDOW
from spark_simulator.faults import Faults
from spark_simulator.market import Market, PairMarket
from spark_simulator.pairs import Pair
from spark_simulator.row import SIZE_SCALE, Board, Row, decimals, number, padded, rounded
from spark_simulator.sides import SideCode
from spark_simulator.tape import LISTED, Trade

_METHODS = ("MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT")
_LIMIT_METHODS = ("LIMIT", "STOP_LIMIT")
_LIMIT_ONLY_EVERY = 15  # so that, as at the venue, 25 of 379 pairs take limit orders only
_LEAST_VALUE = {"TRY": "99.91", "USDT": "9.91"}
_LIRA_ID = 1
_BAD_REQUEST = 1037


class Rest:
    """Handlers for the paths under ``/btcturk/api/v2``."""

    def __init__(self, board: Board, faults: Faults, code: SideCode) -> None:
        self._board = board
        self._faults = faults
        self._code = code

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and their handlers."""
        return [
            web.get("/btcturk/api/v2/server/exchangeinfo", self.exchange_info),
            web.get("/btcturk/api/v2/server/time", self.time),
            web.get("/btcturk/api/v2/server/ping", self.ping),
            web.get("/btcturk/api/v2/ticker", self.ticker),
            web.get("/btcturk/api/v2/orderbook", self.order_book),
            web.get("/btcturk/api/v2/trades", self.trades),
        ]

    async def exchange_info(self, request: web.Request) -> web.Response:
        """Every pair and currency."""
        data = {
            "timeZone": "UTC",
            "serverTime": self._faults.now_ms(),
            "symbols": [_symbol(pair, self._board.status(pair.symbol)) for pair in self._board.pairs],
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
        pairs: Iterable[Pair] = self._board.pairs if asked is None else self._found(asked)
        now_ms = self._faults.now_ms()
        return answer(request, _enveloped([_ticker(pair, self._board.row(pair.symbol), now_ms) for pair in pairs]))

    async def order_book(self, request: web.Request) -> web.Response:
        """One pair's best levels, at most 100 a side, as they are now: without any number, and of no channel."""
        market, limit = self._market(request), _at_most(request, "limit", WINDOW)
        if isinstance(market, web.Response) or limit is None:
            return market if isinstance(market, web.Response) else _bad_request(request)
        data = {
            "timestamp": self._faults.now_ms(),
            "bids": _levels(market.pair, market.book.bids.levels(limit)),
            "asks": _levels(market.pair, market.book.asks.levels(limit)),
        }
        return answer(request, _enveloped(data, code="SUCCESS"))

    async def trades(self, request: web.Request) -> web.Response:
        """One pair's last trades, at most 50, newest first."""
        market, last = self._market(request), _at_most(request, "last", LISTED)
        if isinstance(market, web.Response) or last is None:
            return market if isinstance(market, web.Response) else _bad_request(request)
        rows = [self._trade(market.pair, trade) for trade in reversed(market.tape.last)][:last]
        return answer(request, _enveloped(rows))

    async def time(self, request: web.Request) -> web.Response:
        """The venue's clock, which comes without an envelope."""
        now_ms = self._faults.now_ms()
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        return answer(request, {"serverTime": now_ms, "serverTime2": now.isoformat()})

    async def ping(self, request: web.Request) -> web.Response:
        """A sign of life."""
        return answer(request, {"pong": True})

    def _found(self, asked: str) -> list[Pair]:
        symbol = _symbol_of(asked)
        return [pair for pair in self._board.pairs if pair.symbol == symbol]

    def _market(self, request: web.Request) -> PairMarket | web.Response:
        """Return the market that is asked for, or the venue's refusal. A recording has no markets."""
        asked = request.query.get("pairSymbol")
        if not asked:
            return _bad_request(request)
        symbol = _symbol_of(asked)
        if isinstance(self._board, Market) and symbol in self._board:
            return self._board[symbol]
        return _failed(request, f"Pair {symbol} does not exists.")

    def _trade(self, pair: Pair, trade: Trade) -> dict[str, Any]:
        return {
            "pair": pair.symbol,
            "pairNormalized": pair.normalized,
            "numerator": pair.base,
            "denominator": pair.quote,
            "date": trade.time_ms,
            "tid": trade.id,
            "price": decimals(trade.price, pair.price_scale),
            "amount": padded(trade.size, SIZE_SCALE, pair.size_scale),
            "side": self._code.word(trade),
        }

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


def _enveloped(data: Any, message: str | None = None, code: int | str = 0) -> dict[str, Any]:
    return {"data": data, "success": True, "message": message, "code": code}


def _failed(request: web.Request, message: str) -> web.Response:
    return answer(request, {"success": False, "message": message, "code": _BAD_REQUEST}, status=400)


def _bad_request(request: web.Request) -> web.Response:
    return _failed(request, "INVALID_REQUEST_ERROR")


def _at_most(request: web.Request, name: str, most: int) -> int | None:
    """Return the number asked for, ``most`` when it is more or none; None for what is no number."""
    text = request.query.get(name, str(most))
    return min(most, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _symbol_of(asked: str) -> str:
    return asked.upper().replace("_", "")


def _levels(pair: Pair, levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(decimals(price, pair.price_scale), padded(size, SIZE_SCALE, pair.size_scale)) for price, size in levels]


def _symbol(pair: Pair, status: str) -> dict[str, Any]:
    scale = pair.price_scale
    return {
        "id": pair.id,
        "name": pair.symbol,
        "nameNormalized": pair.normalized,
        "status": status,
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
