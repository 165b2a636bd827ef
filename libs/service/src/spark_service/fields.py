"""Kinds of settings that more than one service has."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, PlainValidator, ValidationInfo

from spark_service.clock import MarketClock, WallClock, market_clock

ReadT = TypeVar("ReadT")

_MOST_BYTES = 1_000_000


def from_file(read: Callable[[str], ReadT]) -> PlainValidator:
    """Return the check that a setting names a text file that ``read`` accepts; the field holds what that returned.

    ``read`` raises ValueError with the line that is wrong. A default is taken as it is.
    """

    def check(value: object) -> object:
        return read(_text(value)) if isinstance(value, str) else value

    return PlainValidator(check)


def _text(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode()
    except (OSError, ValueError) as exc:  # ValueError: not UTF-8, or a path with a zero in it
        raise ValueError(f"cannot read it: {exc}") from None
    if len(content) > _MOST_BYTES:
        raise ValueError("it is larger than a megabyte")
    return text


def _clock(value: object) -> object:
    return market_clock(value) if isinstance(value, str) else value


def _not_with_real_data(clock: MarketClock | WallClock, info: ValidationInfo) -> MarketClock | WallClock:
    if isinstance(clock, MarketClock) and info.data.get("real_data"):
        raise ValueError("only a simulated market has a time of its own: unset it, or set SPARK_REAL_DATA=0")
    return clock


SimulatedTime = Annotated[MarketClock | WallClock, PlainValidator(_clock), AfterValidator(_not_with_real_data)]
"""The market's time: ``setting("SPARK_BIST_CLOCK", WallClock())``. Refused after a field ``real_data`` that is true."""
