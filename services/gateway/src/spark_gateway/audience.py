"""Who wants what of one venue: found by channel and symbol, however many groups of streams there are."""

from collections.abc import Iterable
from itertools import chain
from typing import Final, Generic, Protocol, TypeVar

from spark_gateway.events import Frame
from spark_gateway.subscription import Interest

_MOST_KEYS: Final = 50
"""One who asks for more symbols than this is kept with those who ask for all: what an index costs has a limit."""


class Listening(Protocol):
    """Someone with an interest."""

    @property
    def interest(self) -> Interest:
        """What it asks for. It does not change."""


ListeningT = TypeVar("ListeningT", bound=Listening)


class Audience(Generic[ListeningT]):
    """All that listen to one venue, in the order in which they came."""

    def __init__(self) -> None:
        self._everyone: dict[ListeningT, None] = {}
        self._by_key: dict[tuple[str, str], dict[ListeningT, None]] = {}

    def __len__(self) -> int:
        return len(self._everyone)

    def add(self, listening: ListeningT) -> None:
        """Take one in."""
        self._everyone[listening] = None
        for key in _keys(listening.interest):
            self._by_key.setdefault(key, {})[listening] = None

    def remove(self, listening: ListeningT) -> None:
        """Let one go."""
        del self._everyone[listening]
        for key in _keys(listening.interest):
            those = self._by_key[key]
            del those[listening]
            if not those:
                del self._by_key[key]

    def of(self, frame: Frame) -> Iterable[ListeningT]:
        """Return who is to get this frame."""
        if not frame.channel or not frame.symbol:
            return [each for each in self._everyone if each.interest.wants(frame.channel, frame.symbol)]
        by_key, symbol = self._by_key, frame.symbol
        many = by_key.get((frame.channel, ""), ())
        wanting = [each for each in many if (of := each.interest.symbols) is None or symbol in of]
        return chain(by_key.get((frame.channel, symbol), ()), wanting)


def _keys(interest: Interest) -> list[tuple[str, str]]:
    """Return channel and symbol of all that it asks for; an empty symbol for many of them."""
    symbols = interest.symbols
    of = ("",) if symbols is None or len(symbols) > _MOST_KEYS else symbols
    return [(channel, symbol) for channel in interest.channels for symbol in of]
