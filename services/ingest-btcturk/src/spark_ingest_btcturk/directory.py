"""Which instruments the venue has, from its exchangeinfo, and which of them this ingest carries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from spark_ingest_btcturk.frames import BROKEN, Model, convert, loosely, read_rows
from spark_market.instruments import Instrument

_MOST_NOTICED = 1000

T = TypeVar("T")


class MalformedDirectory(ValueError):
    """The venue's answer is no exchangeinfo."""


class _Symbol(Model):
    name: str
    nameNormalized: str  # noqa: N815, the venue's name
    numerator: str
    denominator: str
    id: int | None = None
    status: str | None = None
    numeratorScale: int | None = None  # noqa: N815
    denominatorScale: int | None = None  # noqa: N815


class _Data(Model, Generic[T]):
    symbols: list[T]


class _Answer(Model, Generic[T]):
    """``code`` is a number or a string, so success is what ``success`` says."""

    success: bool
    data: _Data[T] | None = None
    message: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer[_Symbol])


def read_exchangeinfo(body: bytes) -> tuple[dict[str, Instrument], list[str]]:
    """Return the instruments in an answer, by our symbol, and why rows of it were left out.

    Raises MalformedDirectory.
    """
    try:
        rows, malformed = _read(body)
    except BROKEN as exc:
        raise MalformedDirectory(str(exc)) from exc
    if not rows:
        raise MalformedDirectory(
            f"no row can be read: {malformed[0]}" if malformed else "the venue lists no pair at all"
        )
    return {row.nameNormalized: _instrument(row) for row in rows}, malformed


def _read(body: bytes) -> tuple[list[_Symbol], list[str]]:
    """Read the rows: all at once, and each for itself when one is not what it should be."""
    try:
        return _data(_ANSWER.decode(body)).symbols, []
    except msgspec.ValidationError:
        return read_rows(_data(convert(loosely(body), _Answer[Any])).symbols, _Symbol)


def _data(answer: _Answer[T]) -> _Data[T]:
    if not answer.success or answer.data is None:
        raise MalformedDirectory(f"the venue answers {answer.message!r}")
    return answer.data


def _instrument(row: _Symbol) -> Instrument:
    return Instrument(
        symbol=row.nameNormalized,
        base=row.numerator,
        quote=row.denominator,
        venue_symbol=row.name,
        venue_id=None if row.id is None else str(row.id),
        status=row.status,
        price_scale=row.denominatorScale,
        size_scale=row.numeratorScale,
    )


class Directory:
    """The instruments that this ingest carries: readers are offered no symbol that would stay silent.

    ``instruments`` is replaced, never changed, so that a reader can see that it is new; ``pairs`` is always the same.
    """

    def __init__(self, selected: Sequence[str]) -> None:
        """``selected`` are our symbols, ``*_TRY`` for all that are quoted in TRY, or ``*`` for all."""
        self._selected = selected
        self._missing_since_last: frozenset[str] = frozenset()
        self._listed: frozenset[str] = frozenset()
        self._noticed: set[str] = set()
        self.instruments: Mapping[str, Instrument] = {}
        self.pairs: dict[str, Instrument] = {}
        """The same by the venue's spelling."""
        self.changed: Callable[[], None] = lambda: None
        """Called after the instruments were replaced."""
        self.outdated: Callable[[], None] = lambda: None
        """Called when the feed speaks of a pair that the venue's list did not have."""

    @property
    def listed(self) -> int:
        """How many pairs the venue has, 0 while its list has not been read."""
        return len(self._listed)

    def notice(self, pairs: Iterable[str]) -> None:
        """The feed speaks of ``pairs``, which are not carried; each that is new is told of once."""
        new = set(pairs) - self._listed - self._noticed
        if new and self._listed and len(self._noticed) < _MOST_NOTICED:
            self._noticed |= new
            self.outdated()

    def assume(self) -> None:
        """Believe the symbols that are named, since the venue's list cannot be had.

        A pair's name is put together from its two currencies, which is safe; taking one apart would be a guess.
        """
        named = [symbol for symbol in self._selected if "*" not in symbol]
        if named and not self.instruments:
            self._replace({symbol: _named(symbol) for symbol in named})

    def load(self, listed: Mapping[str, Instrument], *, whole: bool = True) -> list[str]:
        """Take over the venue's list; returns the named symbols that it lacks.

        What it has listed before and lacks now is carried until it lacks it twice: one answer cut short by the venue
        must not end a subscription. One that is not ``whole``, since rows of it could not be read, lacks nothing.
        """
        carried = {symbol: item for symbol, item in listed.items() if self._wants(item)}
        gone = self.instruments.keys() - carried.keys() if self._listed else frozenset[str]()
        for symbol in gone - self._missing_since_last if whole else gone:
            carried[symbol] = self.instruments[symbol]
        self._missing_since_last = frozenset(gone if whole else gone & self._missing_since_last)
        self._listed = frozenset(instrument.venue_symbol for instrument in listed.values())
        if carried != self.instruments:
            self._replace(carried)
        return sorted(symbol for symbol in self._selected if whole and "*" not in symbol and symbol not in listed)

    def _wants(self, instrument: Instrument) -> bool:
        return any(choice in ("*", instrument.symbol, f"*_{instrument.quote}") for choice in self._selected)

    def _replace(self, instruments: Mapping[str, Instrument]) -> None:
        self.instruments = instruments
        self.pairs.clear()
        self.pairs.update((instrument.venue_symbol, instrument) for instrument in instruments.values())
        self.changed()


def _named(symbol: str) -> Instrument:
    base, _, quote = symbol.partition("_")
    return Instrument(symbol=symbol, base=base, quote=quote, venue_symbol=base + quote)
