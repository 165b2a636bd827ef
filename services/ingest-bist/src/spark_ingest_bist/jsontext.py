"""JSON as sources send it: numbers keep their digits, and whatever is wrong with it is one of two named errors."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

import msgspec

from spark_ingest_bist.quotes import MalformedAnswer

_BOM: Final = b"\xef\xbb\xbf"
_MOST_QUOTED: Final = 20_000


class Literal(str):
    """A number with a point or an exponent, as it was written: no float ever comes near a price."""

    __slots__ = ()


class Absent(Enum):
    """What a path leads to where there is nothing; null is something."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

_DECODER = msgspec.json.Decoder(float_hook=Literal)


def decode(body: bytes, scrubbed: Callable[[str], str] = str) -> Any:
    """Return the JSON value in ``body``. Raises MalformedAnswer (html, not_json).

    ``scrubbed`` takes secrets out of what an error quotes of it.
    """
    text = body.removeprefix(_BOM).strip()
    if text[:1] == b"<":
        raise MalformedAnswer("html", f"a page instead of JSON: {_quoted(text, scrubbed)}")
    try:
        return _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError) as exc:
        raise MalformedAnswer("not_json", f"{exc}: {_quoted(text, scrubbed)}") from exc


def find(value: Any, path: Sequence[str]) -> Any:
    """Return what lies at ``path``; ABSENT where it leads nowhere.

    A step is an object's key, a place in a list counted from 0, or ``key=text``: the first of a list that has that.
    """
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, ABSENT)
        elif isinstance(value, list):
            value = _of_list(value, step)
        else:
            return ABSENT
    return value


def _of_list(items: list[Any], step: str) -> Any:
    key, sign, text = step.partition("=")
    if sign:
        return next((each for each in items if isinstance(each, dict) and said(each.get(key)) == text), ABSENT)
    place = int(step[:9]) if step.isascii() and step.isdigit() else len(items)
    return items[place] if place < len(items) else ABSENT


def said(value: Any) -> str | None:
    """Return a text, number or truth value as text, so that ``0``, ``"0"`` and ``true`` can be compared; else None."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return str(value)
    return None


def shown(text: str, most: int = 160) -> str:
    """Return the beginning of a text on one line, for a log. Scrub it before: what is cut off can not be found."""
    return " ".join(text[: most * 2].split())[:most]


def _quoted(text: bytes, scrubbed: Callable[[str], str]) -> str:
    return shown(scrubbed(text[:_MOST_QUOTED].decode(errors="replace")))
