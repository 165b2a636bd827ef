"""The instruments that readers are offered, with their names and the session that they trade in. Pure."""

from collections.abc import Callable, Collection, Mapping

from spark_market.instruments import Instrument, SessionWindow
from spark_market.sessions import Calendar

_QUOTE = "TRY"


class Directory:
    """``instruments`` is replaced, never changed, so that a reader can see that it is new."""

    def __init__(self, symbols: Mapping[str, str | None], spell: Callable[[str], str], calendar: Calendar) -> None:
        """``symbols`` have their names, where they are known already; ``spell`` gives the source's spelling of one."""
        self._symbols = tuple(symbols)
        self._spell = spell
        self._calendar = calendar
        self._names = {symbol: name for symbol, name in symbols.items() if name}
        self.instruments: Mapping[str, Instrument] = {}

    def named(self, symbol: str, name: str) -> None:
        """The source tells what people call it."""
        self._names[symbol] = name

    def bring_up_to_date(self, market_ms: int, without: Collection[str]) -> None:
        """Take over names, the session that runs or comes next, and what the source turned out not to have."""
        session = self._session(market_ms)
        now = {symbol: self._instrument(symbol, session) for symbol in self._symbols if symbol not in without}
        if now != self.instruments:
            self.instruments = now

    def _session(self, market_ms: int) -> SessionWindow | None:
        day = self._calendar.session(market_ms)
        if day is None or not self._calendar.knows(day.opens_at):
            return None
        return SessionWindow(opens_at=day.opens_at, closes_at=day.closes_at, half=day.half)

    def _instrument(self, symbol: str, session: SessionWindow | None) -> Instrument:
        return Instrument(
            symbol=symbol,
            base=symbol,
            quote=_QUOTE,
            venue_symbol=self._spell(symbol),
            statistics_window="session",
            name=self._names.get(symbol),
            session=session,
        )
