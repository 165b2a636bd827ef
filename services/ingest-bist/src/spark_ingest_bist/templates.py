"""Texts with places to fill in: ``{symbol}``, ``{symbols}``, ``{secret}``, ``{secret.NAME}``. Other braces stay."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

_PLACE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_SECRET: Final = "secret"  # noqa: S105, the word for one
SYMBOL: Final = "symbol"
"""One symbol, as the vendor spells it."""
SYMBOLS: Final = "symbols"
"""All symbols of a request, as the vendor spells them."""
_KNOWN: Final = (SYMBOL, SYMBOLS, _SECRET)


@dataclass(frozen=True)
class Template:
    """A text and its places. Its own text holds no secret, so it may be shown."""

    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """What is filled in, in order."""
        return tuple(_PLACE.findall(self.text))

    def filled(self, value: Callable[[str], str]) -> str:
        """Return the text with each place given what ``value`` says for its name."""
        return _PLACE.sub(lambda match: value(match[1]), self.text)


def checked(text: str) -> Template:
    """Return the template. Raises ValueError for a place that nobody fills."""
    template = Template(text)
    for name in template.names:
        if name in _KNOWN or secret_name(name) is not None:
            continue
        near = get_close_matches(name, _KNOWN, n=1, cutoff=0.6)
        hint = f"; did you mean {{{near[0]}}}?" if near else ""
        raise ValueError(f"{{{name}}} is nothing to fill in{hint} There are {{symbol}}, {{symbols}} and {{secret}}")
    return template


def secret_name(place: str) -> str | None:
    """Return the name of the secret that a place asks for, empty for the one that stands alone; None for no secret."""
    if place == _SECRET:
        return ""
    head, dot, name = place.partition(".")
    return name if head == _SECRET and dot and name else None


def unquoted(value: Any) -> str | None:
    """Return the place that was meant where YAML read its braces as a mapping, since they lack quotes."""
    match value:
        case dict() if len(value) == 1:
            [(name, nothing)] = value.items()
            if nothing is None and isinstance(name, str) and (name in _KNOWN or secret_name(name) is not None):
                return f"{{{name}}}"
    return None


def texts_in(value: Any) -> Iterator[str]:
    """Return every text of a structure of mappings and lists."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from texts_in(item)
        case list() | tuple():
            for item in value:
                yield from texts_in(item)


def filled_json(value: Any, fill: Callable[[str], str], symbols: list[str]) -> Any:
    """Return a structure with its texts filled; a text that is ``{symbols}`` and no more becomes the list of them."""
    match value:
        case "{symbols}":
            return symbols
        case str():
            return Template(value).filled(fill)
        case dict():
            return {key: filled_json(item, fill, symbols) for key, item in value.items()}
        case list():
            return [filled_json(item, fill, symbols) for item in value]
    return value
