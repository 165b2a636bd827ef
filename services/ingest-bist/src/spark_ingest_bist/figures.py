"""Numbers as vendors write them: JSON numbers, texts, Turkish points and commas; exact, or not a number."""

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from spark_ingest_bist.jsontext import Literal
from spark_market.numbers import canonical

_SPACES = str.maketrans("", "", "\u00a0\u202f ")


class NumberFormat:
    """How a vendor writes numbers as texts; a number of JSON's own needs no format."""

    def __init__(self, point: str = ".", thousands: str = "", none: Collection[str] = ()) -> None:
        """``none`` are texts, beside the empty one, that stand for no number."""
        self._point = point
        self._thousands = "" if thousands == " " else thousands  # spaces go in any case
        self._spaced = thousands == " "
        self._none = {"", *none}
        fraction = rf"(?:{re.escape(point)}[0-9]+)?"
        # Groups of three or none at all: 9.29 must not pass for 929 when the vendor changes its ways.
        grouped = rf"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+{fraction}|" if thousands else ""
        self._fits = re.compile(rf"-?(?:{grouped}[0-9]+{fraction})").fullmatch
        self._plain = point == "." and not thousands

    def read(self, value: Any) -> Decimal | None:
        """Return the number, None for null and what stands for none. Raises ValueError."""
        match value:
            case None:
                return None
            case bool():
                raise ValueError(f"{value} is no number")
            case int() | Literal():
                return canonical(str(value))
            case str():
                return self._read_text(value.strip())
        raise ValueError(f"a {type(value).__name__} is no number")

    def _read_text(self, text: str) -> Decimal | None:
        if text in self._none:
            return None
        bare = text.removeprefix("+")
        if self._plain:
            return canonical(bare)
        if self._spaced:
            bare = re.sub("[\u00a0\u202f]", " ", bare)
        if not self._fits(bare):
            raise ValueError(f"not a number in this vendor's format: {text[:40]!r}")
        bare = bare.translate(_SPACES).replace(self._thousands, "") if self._thousands or self._spaced else bare
        return canonical(bare.replace(self._point, "."))

    def read_percent(self, value: Any) -> Decimal | None:
        """Return a percentage, which a text may mark with % at either end. Raises ValueError."""
        if isinstance(value, str) and not isinstance(value, Literal):
            return self.read(value.strip().removeprefix("%").removesuffix("%").strip())
        return self.read(value)
