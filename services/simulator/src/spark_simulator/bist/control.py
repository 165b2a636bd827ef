"""The control API of Borsa İstanbul's sources. It is ours; no source has one."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from spark_service.clock import Clock, MarketClock
from spark_simulator.answers import answer
from spark_simulator.bist import commands
from spark_simulator.bist.account import BistAccount
from spark_simulator.bist.faults import BistFaults
from spark_simulator.bist.figures import local, text
from spark_simulator.bist.market import Quote
from spark_simulator.bist.sockets import Sockets
from spark_simulator.bist.sources import Source
from spark_simulator.bist.view import View
from spark_simulator.commands import BadCommand
from spark_simulator.control import paged, refused

_FASTEST: Final = 10_000
_LATEST_MS: Final = 253_402_300_799_000


class SetClock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``now`` is ms UTC or ISO with a zone; ``speed`` how much faster than the wall's clock it goes."""

    now: int | str | None = None
    speed: Annotated[float, msgspec.Meta(gt=0, le=_FASTEST)] | None = None


class SetDelay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many seconds a source is behind the market."""

    source: Source
    seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class BistControl:
    """Handlers for the paths under ``/control/bist``."""

    def __init__(self, view: View, faults: BistFaults, account: BistAccount, sockets: Sockets, clock: Clock) -> None:
        self._view = view
        self._faults = faults
        self._account = account
        self._sockets = sockets
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and their handlers."""
        return [
            web.get("/control/bist/faults", self.faults),
            web.post("/control/bist/faults", self.order),
            web.delete("/control/bist/faults", self.clear),
            web.get("/control/bist/clock", self.clock),
            web.post("/control/bist/clock", self.set_clock),
            web.post("/control/bist/delay", self.set_delay),
            web.get("/control/bist/ledger", self.ledger),
            web.get("/control/bist/shown", self.shown),
            web.get("/control/bist/truth", self.truth),
            web.get("/control/bist/state", self.state),
        ]

    async def faults(self, request: web.Request) -> web.Response:
        """What is wrong now."""
        return answer(request, {"faults": self._faults.active()})

    async def order(self, request: web.Request) -> web.Response:
        """Let something go wrong, at once."""
        try:
            self._obey(commands.read(await request.read()))
        except BadCommand as exc:
            return refused(request, exc)
        return await self.faults(request)

    async def clear(self, request: web.Request) -> web.Response:
        """Make everything right."""
        self._faults.clear()
        return await self.faults(request)

    async def clock(self, request: web.Request) -> web.Response:
        """What time it is at the market, and what it does then."""
        return answer(request, self._told_clock())

    async def set_clock(self, request: web.Request) -> web.Response:
        """Set the market's clock, here; whoever else goes by it has to be told as well."""
        try:
            wanted = _read(await request.read(), SetClock)
            if not isinstance(self._clock, MarketClock):
                raise BadCommand("this clock cannot be set")
            now_ms = self._clock.now_ms() if wanted.now is None else _instant(wanted.now)
        except BadCommand as exc:
            return refused(request, exc)
        self._clock.set(now_ms, wanted.speed)
        return answer(request, self._told_clock())

    async def set_delay(self, request: web.Request) -> web.Response:
        """Let a source be so far behind the market from now on."""
        try:
            wanted = _read(await request.read(), SetDelay)
        except BadCommand as exc:
            return refused(request, exc)
        self._view.delays_ms[wanted.source] = int(wanted.seconds * 1000)
        return answer(request, {"delays": self._delays()})

    async def ledger(self, request: web.Request) -> web.Response:
        """Requests and subscriptions, after a given number; of one ``source`` only, if so asked."""
        source = request.query.get("source")
        return paged(
            request,
            lambda after, limit: self._account.requests.page(
                after, limit, lambda entry: source in (None, entry.source)
            ),
        )

    async def shown(self, request: web.Request) -> web.Response:
        """What was shown, after a given number; by one ``source`` and of one ``symbol`` only, if so asked."""
        source, symbol = request.query.get("source"), request.query.get("symbol")
        return paged(
            request,
            lambda after, limit: self._account.shown.page(
                after, limit, lambda entry: source in (None, entry.source) and symbol in (None, entry.symbol)
            ),
        )

    async def truth(self, request: web.Request) -> web.Response:
        """The market's own word on a ``symbol``, now or ``at`` a time in ms or ISO."""
        try:
            at = request.query.get("at")
            ms = self._clock.now_ms() if at is None else _instant(int(at) if at.isdigit() and len(at) < 16 else at)
            quote = self._view.market.quote(request.query.get("symbol", ""), ms)
            if quote is None:
                raise BadCommand("there is no such symbol, or no market yet at that time")
        except BadCommand as exc:
            return refused(request, exc)
        return answer(request, _told(quote) | {"at": ms, "phase": self._phase(ms)})

    async def state(self, request: web.Request) -> web.Response:
        """Who is connected, what was asked and what is wrong."""
        sockets = sorted(self._sockets.open, key=lambda socket: socket.number)
        return answer(
            request,
            {
                "clock": self._told_clock(),
                "requests": self._account.requests.next - 1,
                "connections": [
                    {
                        "connection": socket.number,
                        "source": socket.conversation.source,
                        "path": socket.path,
                        "since": socket.since_ms,
                        "symbols": socket.conversation.symbols,
                        "sent": socket.sent,
                    }
                    for socket in sockets
                ],
                "delays": self._delays(),
                "faults": self._faults.active(),
            },
        )

    def _obey(self, command: commands.Command) -> None:
        match command:
            case commands.Cut(source=source):
                self._sockets.cut(source)
            case commands.Close(code=code, source=source):
                self._sockets.close(code, source)
            case commands.Malformed(count=count, source=source):
                self._sockets.malformed(count, source)
            case _:
                self._faults.begin(command, self._clock.now_ms())

    def _delays(self) -> dict[str, float]:
        return {source: ms / 1000 for source, ms in self._view.delays_ms.items()}

    def _phase(self, ms: int) -> str:
        return self._view.market.calendar.at(ms).value

    def _told_clock(self) -> dict[str, Any]:
        now_ms = self._clock.now_ms()
        speed = self._clock.speed if isinstance(self._clock, MarketClock) else 1.0
        calendar = self._view.market.calendar
        session = calendar.session(now_ms)
        return {
            "now": now_ms,
            "local": local(now_ms).isoformat(timespec="milliseconds"),
            "speed": speed,
            "phase": self._phase(now_ms),
            "session": session and {"opensAt": session.opens_at, "closesAt": session.closes_at, "half": session.half},
        }


def _told(quote: Quote) -> dict[str, Any]:
    prices = ("price", "open", "high", "low", "previous_close", "bid", "ask", "reference", "lower", "upper", "turnover")
    fields = quote._asdict()
    told = {name: text(value) or None if name in prices else value for name, value in fields.items()}
    told["vwap"] = None if quote.vwap is None else f"{quote.vwap / 10_000:.4f}"
    return {_camel(name): value for name, value in told.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _instant(value: int | str) -> int:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise BadCommand(f"{value!r} is not a time such as 2026-04-27T10:30+03:00") from None
        if moment.tzinfo is None:
            raise BadCommand(f"{value!r} has no zone, such as +03:00 or Z")
        value = int(moment.timestamp() * 1000)
    if not 0 <= value <= _LATEST_MS:
        raise BadCommand("this is not ms since 1970")
    return value


def _read(body: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise BadCommand(f"this is not understood ({exc})") from exc
