"""Rows of a vendor's answers and frames: found, sorted out, and read field by field."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from spark_ingest_bist.figures import NumberFormat
from spark_ingest_bist.jsontext import ABSENT, find, said
from spark_ingest_bist.moments import MomentReader, in_milliseconds, in_seconds, iso, moment, written
from spark_ingest_bist.quotes import MalformedAnswer
from spark_ingest_bist.vendormodel import ASKED, KEY, Fields, Only, Shape, Time, Vendor

Told = dict[str, Any]
"""What a row says, by the names of `Quote`: a number or text, or None where it says that there is none.

What is not in the row at all is not in here either.
"""

_SIZES: Final = frozenset({"bid_size", "ask_size", "volume", "turnover"})
"""What may be 0. All else but the change is a price."""
_LONGEST_NAME: Final = 200
_HIGHEST_PRICE: Final = 10**9
_FINEST_PRICE: Final = 8  # decimals


class BadRow(ValueError):
    """A row cannot be read. ``error`` is the name that it is counted under."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail


Keyed = tuple[str | None, Any]
"""A row, and the key that it stood under."""


def rows_at(answer: Any, path: tuple[str, ...], keyed: bool) -> list[Keyed]:
    """Return the rows at ``path``: those of a list or, ``keyed``, of an object; else the one object that is there.

    Raises MalformedAnswer (shape).
    """
    found = find(answer, path)
    match found:
        case dict() if keyed:
            return list(found.items())
        case list() if not keyed:
            return [(None, row) for row in found]
        case dict():
            return [(None, found)]
    where = ".".join(path) or "the answer"
    what = "nothing" if found is ABSENT else "null" if found is None else f"a {type(found).__name__}"
    raise MalformedAnswer("shape", f"{where} holds {what}, not {'an object' if keyed else 'rows'}")


def wanted(row: Any, only: Only) -> bool:
    """Return whether a row has the values that are wanted."""
    return all(said(find(row, tuple(path.split(".")))) in values for path, values in only.items())


class RowReader:
    """Reads the rows of one shape."""

    def __init__(self, shape: Shape, vendor: Vendor) -> None:
        self._shape = shape
        self._numbers = NumberFormat(vendor.numbers.decimal, vendor.numbers.thousands, vendor.numbers.none)
        self._moment = _moment_reader(shape.time, ZoneInfo(vendor.zone))
        self._symbol = shape.fields.symbol
        self._paths = {
            name: path for name in Fields.model_fields if name != "symbol" if (path := getattr(shape.fields, name))
        }

    def rows(self, answer: Any) -> Iterator[Keyed]:
        """Yield all rows of a decoded answer. Raises MalformedAnswer (shape)."""
        yield from rows_at(answer, self._shape.rows, self._symbol == (KEY,))

    def wanted(self, row: Any) -> bool:
        """Return whether the row is of a kind that is wanted."""
        return wanted(row, self._shape.only)

    def symbol(self, key: str | None, row: Any) -> str | None:
        """Return the vendor's spelling of the row's symbol, None where it goes without saying. Raises BadRow."""
        if self._symbol == (ASKED,):
            return None
        symbol = key if self._symbol == (KEY,) else said(find(row, self._symbol))
        if not symbol or not symbol.strip():
            raise BadRow("symbol", "a row without a symbol")
        return symbol

    def told(self, row: Any) -> Told:
        """Return what the row says, but for its symbol and its time. Raises BadRow (bad_number)."""
        told: Told = {}
        for name, path in self._paths.items():
            value = find(row, path)
            if value is ABSENT:
                continue
            told[name] = _name(value) if name == "name" else self._number(name, value)
        return told

    def time(self, row: Any) -> int | None:
        """Return the market's time (ms UTC), None where the vendor tells none. Raises BadRow (bad_time)."""
        spec = self._shape.time
        if not spec.told:
            return None
        try:
            if spec.field is not None:
                at = moment(_present(find(row, spec.field)), self._moment)
            else:
                day, hour = (said(_present(find(row, path))) for path in (spec.date, spec.time) if path is not None)
                at = None if not day or not hour else moment(f"{day.strip()} {hour.strip()}", self._moment)
        except ValueError as exc:
            raise BadRow("bad_time", str(exc)) from exc
        if at is None:
            raise BadRow("bad_time", "a row without a time")
        return at

    def _number(self, name: str, value: Any) -> Decimal | None:
        try:
            number = self._numbers.read_percent(value) if name == "change_pct" else self._numbers.read(value)
        except (ValueError, ArithmeticError) as exc:
            raise BadRow("bad_number", f"{name}: {exc}") from exc
        if number is None or name == "change_pct":
            return number
        if number < 0:
            raise BadRow("bad_number", f"{name}: {number} is below 0")
        if name not in _SIZES and (number >= _HIGHEST_PRICE or _decimals(number) > _FINEST_PRICE):
            raise BadRow("bad_number", f"{name}: {number} is no price")
        # Nothing trades at 0: some vendors write it where there is no price.
        return number if number or name in _SIZES else None


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _present(value: Any) -> Any:
    return None if value is ABSENT else value


def _name(value: Any) -> str | None:
    text = said(value)
    return (text.strip()[:_LONGEST_NAME] or None) if text is not None else None


def _moment_reader(time: Time, zone: ZoneInfo) -> MomentReader:
    match time.format:
        case "seconds":
            return in_seconds
        case "milliseconds":
            return in_milliseconds
        case "iso":
            return iso(zone)
    return written(time.format, zone)
