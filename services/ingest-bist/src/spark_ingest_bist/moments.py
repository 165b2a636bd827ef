"""Times as vendors write them: seconds or milliseconds since 1970, ISO, or a format of their own."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from spark_ingest_bist.jsontext import said
from spark_market.numbers import canonical

MomentReader = Callable[[str], int]
"""Text in, ms UTC out; raises ValueError."""

_EARLIEST: Final = 946_684_800_000  # 2000
_LATEST: Final = 4_102_444_800_000  # 2100
_SHORTEST_ISO: Final = len("2026-04-27T10")
_SAMPLE: Final = datetime(2026, 4, 27, 15, 5, 9, tzinfo=UTC)


def in_seconds(text: str) -> int:
    """Read seconds since 1970."""
    return _sane(int(canonical(text) * Decimal(1000)))


def in_milliseconds(text: str) -> int:
    """Read milliseconds since 1970."""
    return _sane(int(canonical(text)))


def iso(zone: tzinfo) -> MomentReader:
    """Return the reader of ISO 8601; ``zone`` is that of a time that names none."""

    def read(text: str) -> int:
        if len(text) < _SHORTEST_ISO:
            raise ValueError(f"a date without a time: {text!r}")
        return _ms(datetime.fromisoformat(text), zone)

    return read


def written(pattern: str, zone: tzinfo) -> MomentReader:
    """Return the reader of times in ``pattern``, as Python's strptime has them. Raises ValueError when it has no day.

    ``zone`` is that of a time that names none.
    """
    example = _SAMPLE.strftime(pattern)
    again = datetime.strptime(example, pattern)  # noqa: DTZ007, only its parts are looked at
    for part, name in (("year", "a year"), ("month", "a month"), ("day", "a day"), ("hour", "hours")):
        if getattr(again, part) != getattr(_SAMPLE, part):
            raise ValueError(f"it tells no {name.removeprefix('a ')}, as %d/%m/%Y %H%M%S does")

    def read(text: str) -> int:
        if not text.isascii():
            raise ValueError(f"not a time: {text[:40]!r}")
        return _ms(datetime.strptime(text, pattern), zone)  # noqa: DTZ007, the zone is given in the next step

    return read


def moment(value: Any, reader: MomentReader) -> int | None:
    """Return the time (ms UTC) in a JSON value, None for null and the empty text. Raises ValueError."""
    if value is None:
        return None
    text = None if isinstance(value, bool) else said(value)
    if text is None:
        raise ValueError(f"a {type(value).__name__} is no time")
    text = text.strip()
    if not text:
        return None
    try:
        return reader(text[:80])
    except (ArithmeticError, OSError) as exc:
        raise ValueError(f"not a time: {text[:40]!r}") from exc


def _ms(when: datetime, zone: tzinfo) -> int:
    aware = when.replace(tzinfo=zone) if when.tzinfo is None else when
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return _sane((since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000)


def _sane(ms: int) -> int:
    if not _EARLIEST <= ms < _LATEST:
        raise ValueError(f"{ms} ms since 1970 lies outside 2000 to 2100: is the unit right?")
    return ms
