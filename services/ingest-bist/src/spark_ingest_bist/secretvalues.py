"""A vendor's keys: put in where its file says so, and taken out of everything that is told or logged."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from pydantic import SecretStr

HIDDEN: Final = "**********"
_SHORTEST_HIDDEN: Final = 4  # a shorter one is no secret, and its letters are everywhere


class MissingSecret(ValueError):
    """The file refers to a secret that was not given, or is of no use; the text says which, and never any value."""


class Secrets:
    """The values by name; the empty name is the secret that stands alone."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        long = sorted({value for value in self._values.values() if len(value) >= _SHORTEST_HIDDEN}, key=len)
        spelled = ["".join(map(_letter, value)) for value in reversed(long)]
        self._hidden = re.compile("|".join(spelled)) if spelled else None

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def scrubbed(self, text: str) -> str:
        """Return ``text`` with every secret in it made unreadable: a vendor may repeat a key in an error."""
        return text if self._hidden is None else self._hidden.sub(HIDDEN, text)


def secrets(given: SecretStr | None, wanted: Collection[str], in_headers: Collection[str] = ()) -> Secrets:
    """Return the ``wanted`` secrets out of what was given: one value for the empty name, else lines NAME=VALUE.

    Those ``in_headers`` must be plain letters. Raises MissingSecret.
    """
    text = given.get_secret_value().strip() if given is not None else ""
    if not wanted:
        return Secrets({})
    if not text:
        raise MissingSecret(f"{_listed(wanted)} is needed; set SPARK_BIST_SECRET or SPARK_BIST_SECRET_FILE")
    values = {"": text} if "" in wanted else _named(text)
    missing = [name for name in wanted if not values.get(name)]
    if missing:
        raise MissingSecret(
            f"{_listed(missing)} is needed, and SPARK_BIST_SECRET has no line {missing[0]}=VALUE; it takes one a line"
        )
    if any(not value.isprintable() for value in values.values()):
        raise MissingSecret(
            f"SPARK_BIST_SECRET has several lines or unprintable letters; {_listed(wanted)} takes one line of text"
        )
    if strange := [name for name in in_headers if not values[name].isascii()]:
        raise MissingSecret(
            f"{_listed(strange)} goes into a header, which takes plain letters; did quotes or blanks come along?"
        )
    return Secrets({name: values[name] for name in wanted})


def _named(text: str) -> dict[str, str]:
    named = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.lstrip().startswith("#"):
            named[name.strip()] = value.strip()
    return named


def _letter(letter: str) -> str:
    """Return a pattern of a letter, however an address or a JSON text may spell it: each escapes others of them."""
    quoted = "".join(f"%{byte:02x}" for byte in letter.encode())
    utf_16 = letter.encode("utf-16-be").hex()
    escaped = "".join(rf"\\u{utf_16[at : at + 4]}" for at in range(0, len(utf_16), 4))
    blank = r"|\+" if letter == " " else ""
    return rf"(?:\\?{re.escape(letter)}|(?i:{quoted}|{escaped}){blank})"


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"{{secret.{name}}}" if name else "{secret}" for name in sorted(names))
