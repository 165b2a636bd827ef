"""Who may ask, and how much: rate classes and API keys, out of one file or out of the settings."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec

from spark_market.venues import VENUES
from spark_service.settings import SettingsError

ANONYMOUS: Final = "anonymous"
"""The class of everybody who sends no key. A file without it asks everybody for one."""
_SETTING: Final = "SPARK_GATEWAY_ACCESS"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")

_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
_Rate = Annotated[float, msgspec.Meta(ge=0.001, le=1_000_000)]
_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class RateClass(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a client of this class may do; ``venues`` is None for all of them."""

    requests_per_second: _Rate
    burst: _Count
    streams: _Count
    venues: tuple[str, ...] | None = None


class Client(msgspec.Struct, frozen=True, gc=False):
    """Who a request is counted for. ``id`` is the name of the key or the address, and never the key itself."""

    id: str
    rate: RateClass
    venues: frozenset[str] | None = None

    def may_see(self, venue: str) -> bool:
        """Return whether the venue is open to it."""
        return self.venues is None or venue in self.venues


class Access(msgspec.Struct, frozen=True):
    """What the file says. A key is looked up by its digest, so the time that takes tells nothing of the keys."""

    anonymous: RateClass | None
    keys: Mapping[bytes, Client]

    def holder(self, key: bytes) -> Client | None:
        """Return whose key this is."""
        return self.keys.get(hashlib.sha256(key).digest())


class _Key(msgspec.Struct, rename={"rate": "class"}, forbid_unknown_fields=True):
    name: str
    sha256: _Digest
    rate: str
    venues: tuple[str, ...] | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    classes: dict[str, msgspec.Raw]
    keys: list[msgspec.Raw] = []


def read(path: Path) -> Access:
    """Return what the file at ``path`` says. Raises SettingsError: one line with the file and the place in it."""
    try:
        return _parse(path.read_bytes())
    except (OSError, ValueError) as exc:  # a msgspec error is a ValueError
        raise SettingsError(f"{_SETTING}: {path}: {exc}") from None


def _parse(text: bytes) -> Access:
    file = _decode(text, _File, "")
    if not file.classes:
        raise ValueError("classes: it names none")
    classes = {name: _decode(raw, RateClass, f"classes.{name}") for name, raw in file.classes.items()}
    for name, rate in classes.items():
        _check_name(name, f"classes.{name}")
        _check_venues(rate.venues, f"classes.{name}.venues")
    keys: dict[bytes, Client] = {}
    names: set[str] = set()
    for at, raw in enumerate(file.keys):
        place = f"keys[{at}]"
        key = _decode(raw, _Key, place)
        _check_name(key.name, f"{place}.name")
        place = f"{place} ({key.name})"
        if key.name in names:
            raise ValueError(f"{place}.name: it is taken by a key above")
        if key.rate not in classes:
            raise ValueError(f"{place}.class: {key.rate!r} is not one of {', '.join(classes)}")
        digest = bytes.fromhex(key.sha256)
        if digest in keys:
            raise ValueError(f"{place}.sha256: it is that of a key above")
        _check_venues(key.venues, f"{place}.venues")
        names.add(key.name)
        keys[digest] = client_of(f"key:{key.name}", classes[key.rate], key.venues)
    if ANONYMOUS not in classes and not keys:
        raise ValueError(f"it has neither a class {ANONYMOUS!r} nor any key, so nobody could ask")
    return Access(classes.get(ANONYMOUS), keys)


def client_of(identity: str, rate: RateClass, venues: tuple[str, ...] | None = None) -> Client:
    """Return a client of a class; ``venues``, when given, count instead of the class's."""
    allowed = rate.venues if venues is None else venues
    return Client(identity, rate, None if allowed is None else frozenset(allowed))


_T = TypeVar("_T")


def _decode(text: bytes | msgspec.Raw, cls: type[_T], place: str) -> _T:
    try:
        return msgspec.json.decode(text, type=cls)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise ValueError(f"{place}: {exc}" if place else str(exc)) from None


def _check_name(name: Any, place: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{place}: a name has 1 to 64 letters, digits, dots, dashes and underscores; no mark first")


def _check_venues(venues: tuple[str, ...] | None, place: str) -> None:
    for venue in venues or ():
        if venue not in VENUES:
            raise ValueError(f"{place}: {venue!r} is not one of {', '.join(VENUES)}")
