"""Symbols in the vendor's spelling and in ours."""

from spark_ingest_bist.symbols import symbol_of
from spark_ingest_bist.vendormodel import Symbols


class Spelling:
    """Translates between ours, ``THYAO``, and the vendor's, such as ``THYAO.IS`` or ``BIST:THYAO``."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._ours = {theirs.upper(): ours for ours, theirs in symbols.map.items()}

    def theirs(self, symbol: str) -> str:
        """Return our symbol in the vendor's spelling."""
        mapped = self._symbols.map.get(symbol)
        if mapped is not None:
            return mapped
        body = symbol.lower() if self._symbols.case == "lower" else symbol
        return f"{self._symbols.prefix}{body}{self._symbols.suffix}"

    def ours(self, theirs: str) -> str | None:
        """Return the vendor's symbol in our spelling; None for what is not spelled like a share or an index.

        Some vendors leave prefix and suffix out of their answers: neither is insisted on.
        """
        upper = theirs.strip().upper()
        mapped = self._ours.get(upper)
        if mapped is not None:
            return mapped
        bare = upper.removeprefix(self._symbols.prefix.upper()).removesuffix(self._symbols.suffix.upper())
        try:
            return symbol_of(bare)
        except ValueError:
            return None
