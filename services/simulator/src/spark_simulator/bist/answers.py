"""What HTTP requests are answered: no sockets, so that a simulated year can ask here as well."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from spark_service.clock import Clock
from spark_simulator.bist import vendors, yahoo
from spark_simulator.bist.account import BistAccount
from spark_simulator.bist.commands import CutAnswer, Empty, Half, Html, Limit, Refuse, Slow, Strict
from spark_simulator.bist.faults import BistFaults
from spark_simulator.bist.sources import KEY, Source
from spark_simulator.bist.view import Rows, View

BELOW: Final = "/bist/"
_JSON: Final = "application/json"
_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>Yahoo</title></head><body>We will be right back...</body></html>\n"
_WORDS: Final = {
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip
_NO_KEY: Final = vendors.ideal_error("Permission401", "Bu servis için yetkiniz yok.")
_NO_ADDRESS: Final = vendors.ideal_error("IpPermission401", "Bu servis için ip erişim izniniz yok.")
_TOO_MANY: Final = vendors.ideal_error(
    "TooManyRequests", "Bu servis için aşırı istek yaptınız. Kısa bir süre sonra tekrar deneyiniz."
)


@dataclass(frozen=True)
class Reply:
    """``delay_s`` is of the wall clock; ``cut``: only half of the body is sent before the connection breaks."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False


@dataclass(frozen=True)
class Ask:
    """One GET request. ``path`` is below that of its source; header names are in lower case."""

    source: Source
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    now_ms: int

    def values(self, name: str) -> list[str]:
        """Return what the query says for ``name``."""
        return [value for key, value in self.query if key == name]


class Answers:
    """Every source's answers, by the market's clock."""

    def __init__(self, view: View, faults: BistFaults, account: BistAccount, clock: Clock) -> None:
        self._view = view
        self._faults = faults
        self._account = account
        self._clock = clock
        self._sources: dict[Source, Callable[[Ask], tuple[int, Any, int]]] = {
            "yahoo": self._yahoo,
            "ideal": self._ideal,
            "collectapi": self._collectapi,
            "bigpara": self._bigpara,
            "oneendeks": self._oneendeks,
        }
        self._numbers = {symbol: number for number, symbol in enumerate(view.market.instruments, start=1)}

    def get(self, target: str, headers: Mapping[str, str]) -> Reply:
        """Answer a GET of ``target``, a path with its query or a whole URL, and keep account of it."""
        url = urlsplit(target)
        if url.path == BELOW + "symbols":
            return _reply(200, self.symbols())
        below = unquote(url.path).removeprefix(BELOW).strip("/")
        name, _, path = below.partition("/")
        source = next((each for each in self._sources if each == name), None)
        if source is None or not url.path.startswith(BELOW):
            return Reply(404, b"", "text/plain")
        now_ms = self._clock.now_ms()
        ask = Ask(
            source,
            path,
            parse_qsl(url.query, keep_blank_values=True),
            {key.lower(): value for key, value in headers.items()},
            now_ms,
        )
        refusal, fault = self._refused(ask)
        asked = 0
        if refusal is None:
            status, body, asked = self._sources[source](ask)
            reply, fault = self._spoilt(source, _reply(status, body))
        else:
            reply = refusal
        phase = self._view.market.calendar.at(now_ms).value
        # Only the path: a query may hold a key.
        self._account.request(now_ms, phase, source, path, asked, reply.status, fault)
        return reply

    def symbols(self) -> list[dict[str, str]]:
        """Return all that is traded."""
        return [{"symbol": each.symbol, "name": each.name} for each in self._view.market.instruments.values()]

    def refused(self, source: Source) -> Reply | None:
        """Return the answer in place of any other, and count the request; None when nothing forbids an answer."""
        quota = self._faults.exceeded(source)
        limit = self._faults.of(Limit, source)
        over = quota or limit
        if over is not None:
            return _with_retry_after(_too_many(source), over.retry_after)
        refuse = self._faults.of(Refuse, source)
        if refuse is None:
            return None
        if source == "ideal" and refuse.status == 401:
            return _reply(401, _NO_ADDRESS if refuse.ip else _NO_KEY)
        return _with_retry_after(_plain(refuse.status), refuse.retry_after)

    def _refused(self, ask: Ask) -> tuple[Reply | None, str | None]:
        if ask.source == "yahoo" and not ask.headers.get("user-agent", "").startswith("Mozilla/"):
            return _too_many("yahoo"), "user_agent"
        reply = self.refused(ask.source)
        if reply is not None:
            return reply, "limit" if reply.status == 429 else "refuse"
        if ask.source == "ideal" and ask.values("api_key") != [KEY]:
            return _reply(401, _NO_KEY), "key"
        if ask.source == "collectapi" and ask.headers.get("authorization") != f"apikey {KEY}":
            return _reply(401, {"success": False, "message": "You must use a valid api key"}), "key"
        return None, None

    def _spoilt(self, source: Source, reply: Reply) -> tuple[Reply, str | None]:
        fault = None
        if (html := self._faults.of(Html, source)) is not None:
            reply, fault = Reply(html.status, _PAGE, "text/html"), "html"
        if self._faults.of(Half, source) is not None:
            reply, fault = replace(reply, body=reply.body[: len(reply.body) // 2]), "half"
        if self._faults.of(CutAnswer, source) is not None:
            reply, fault = replace(reply, cut=True), "cut_answer"
        if (slow := self._faults.of(Slow, source)) is not None:
            reply, fault = replace(reply, delay_s=slow.delay), "slow"
        return reply, fault

    def _rows(self, ask: Ask, symbols: Sequence[str]) -> Rows:
        if self._faults.of(Empty, ask.source) is not None:
            return Rows((), ())
        return self._view.rows(ask.source, symbols, ask.now_ms)

    # Sources

    def _yahoo(self, ask: Ask) -> tuple[int, Any, int]:
        if ask.path == "v7/finance/spark":
            return self._spark(ask)
        symbol = ask.path.removeprefix("v8/finance/chart/")
        if symbol == ask.path:
            return 404, yahoo.error("finance", "Not Found", "HTTP 404 Not Found"), 0
        return self._chart(ask, symbol)

    def _spark(self, ask: Ask) -> tuple[int, Any, int]:
        asked = list(dict.fromkeys(",".join(ask.values("symbols")).replace(" ", "").split(","))) if ask.query else []
        asked = [symbol for symbol in asked if symbol]
        if not asked:
            return 400, yahoo.error("spark", "Bad Request", 'Missing value for the "symbols" argument'), 0
        if len(asked) > yahoo.MOST_SYMBOLS:
            return 400, yahoo.error("spark", "Bad Request", "Number of symbols exceeded"), len(asked)
        found = self._rows(ask, [ours(symbol) for symbol in asked])
        nothing = found.unknown and (not found.rows or self._faults.of(Strict, "yahoo") is not None)
        if nothing:
            return 404, yahoo.error("spark", "Not Found", "No data found for spark symbols"), len(asked)
        return 200, yahoo.spark(found.rows), len(asked)

    def _chart(self, ask: Ask, symbol: str) -> tuple[int, Any, int]:
        found = self._rows(ask, [ours(symbol)])
        if not found.rows:
            return 404, yahoo.error("chart", "Not Found", "No data found, symbol may be delisted"), 1
        row = found.rows[0]
        market = self._view.market
        day = market.day(row.quote.time)
        until_ms = ask.now_ms - self._view.delays_ms["yahoo"]
        begins_ms = until_ms
        if day is not None:
            begins_ms, until_ms = day.when(0), min(until_ms, day.when(day.trading_ms))
        interval = (ask.values("interval") or ["1m"])[-1]
        return 200, yahoo.chart(market, row, interval, begins_ms, until_ms), 1

    def _ideal(self, ask: Ask) -> tuple[int, Any, int]:
        if ask.path != "SembolVeri/SembolVeri1":
            return 404, {"message": "Not Found"}, 0
        asked = ask.values("Sembol")
        return 200, vendors.ideal(self._rows(ask, asked).rows), len(asked)

    def _collectapi(self, ask: Ask) -> tuple[int, Any, int]:
        if ask.path not in ("economy/hisseSenedi", "economy/liveBorsa"):
            return 404, {"success": False, "message": "Not Found"}, 0
        asked = [each.symbol for each in self._view.market.instruments.values() if not each.index]
        return 200, vendors.collectapi(self._rows(ask, asked).rows), len(asked)

    def _bigpara(self, ask: Ask) -> tuple[int, Any, int]:
        path = ask.path.removeprefix("api/v1/")
        if path == "hisse/list":
            rows = [
                {"id": number, "kod": symbol, "ad": each.name, "tip": "Endeks" if each.index else "Hisse"}
                for number, (symbol, each) in enumerate(self._view.market.instruments.items(), start=1)
            ]
            return 200, {"code": "0", "data": rows}, 0
        symbol = path.removeprefix("borsa/hisseyuzeysel/")
        if symbol == path:
            return 404, {"code": "404", "data": None}, 0
        rows_found = self._rows(ask, [symbol]).rows
        if not rows_found:
            return 200, {"code": "0", "data": {"hisseYuzeysel": None}}, 1
        return 200, vendors.bigpara(self._numbers[symbol], rows_found[-1]), 1

    def _oneendeks(self, ask: Ask) -> tuple[int, Any, int]:
        asked = [symbol for symbol in ",".join(ask.values("endeks")).split(",") if symbol]
        found = self._rows(ask, asked)
        if not asked or (found.unknown and not found.rows):
            return 400, {"error": {"code": "EINVAL", "message": "Invalid symbol"}}, len(asked)
        return 200, vendors.oneendeks(found.rows), len(asked)


def ours(symbol: str) -> str:
    """Return our symbol for one of Yahoo's; one of another market becomes one that nobody has."""
    bare = symbol.removesuffix(yahoo.SUFFIX)
    return bare if bare != symbol else f"?{symbol}"


def _reply(status: int, body: Any) -> Reply:
    return Reply(status, msgspec.json.encode(body))


def _plain(status: int) -> Reply:
    return Reply(status, f"{_WORDS[status]}\r\n".encode(), "text/plain")


def _too_many(source: Source) -> Reply:
    return _reply(429, _TOO_MANY) if source == "ideal" else _plain(429)


def _with_retry_after(reply: Reply, seconds: int | None) -> Reply:
    return reply if seconds is None else replace(reply, headers={"Retry-After": str(seconds)})
