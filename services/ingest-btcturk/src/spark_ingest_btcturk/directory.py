"""Which instruments the venue has: from its exchangeinfo, and from what the feed itself speaks of."""

from collections.abc import Collection, Mapping

import msgspec

from spark_market.instruments import Instrument


class MalformedDirectory(ValueError):
    """The venue's answer is no exchangeinfo."""


class _Symbol(msgspec.Struct):
    name: str
    nameNormalized: str  # noqa: N815, the venue's name
    numerator: str
    denominator: str
    numeratorScale: int | None = None  # noqa: N815
    denominatorScale: int | None = None  # noqa: N815


class _Data(msgspec.Struct):
    symbols: list[_Symbol]


class _Answer(msgspec.Struct):
    """``code`` is a number or a string, so success is what ``success`` says."""

    success: bool
    data: _Data | None = None
    message: str | None = None


def read_exchangeinfo(body: bytes) -> dict[str, Instrument]:
    """Return the instruments in an answer, by our symbol. Raises MalformedDirectory."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise MalformedDirectory(str(exc)) from exc
    if not answer.success or answer.data is None:
        raise MalformedDirectory(f"the venue answers {answer.message!r}")
    return {
        row.nameNormalized: Instrument(
            symbol=row.nameNormalized,
            base=row.numerator,
            quote=row.denominator,
            venue_symbol=row.name,
            price_scale=row.denominatorScale,
            size_scale=row.numeratorScale,
        )
        for row in answer.data.symbols
    }


class Directory:
    """The instruments that this ingest carries: readers are offered no symbol that would stay silent.

    The mapping is replaced, never changed, so that a reader can see that it is new.
    """

    def __init__(self, selected: Collection[str]) -> None:
        """``selected`` are our symbols, or ``*`` for all that the venue has."""
        self._selected = None if "*" in selected else frozenset(selected)
        self.instruments: Mapping[str, Instrument] = {}
        self.loaded = False
        """Whether the venue's own list has been read. Until then a symbol that is not here may well be right."""

    def load(self, listed: Mapping[str, Instrument]) -> list[str]:
        """Take over the venue's own list, keeping what only the feed has shown; returns what it does not list."""
        carried = {
            symbol: item for symbol, item in listed.items() if self._selected is None or symbol in self._selected
        }
        self.instruments = {**self.instruments, **carried}
        self.loaded = True
        return sorted((self._selected or frozenset()) - carried.keys())

    def meet(self, instrument: Instrument) -> None:
        """The feed speaks of ``instrument``: a listing that the list does not have yet."""
        if instrument.symbol not in self.instruments:
            self.instruments = {**self.instruments, instrument.symbol: instrument}
