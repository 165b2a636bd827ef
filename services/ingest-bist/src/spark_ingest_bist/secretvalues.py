"""A vendor's keys: put in where its file says so, and taken out of everything that is told or logged."""

import json
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

HIDDEN: Final = "**********"
_SHORTEST_HIDDEN: Final = 4  # a shorter one is no secret, and its letters are everywhere


class MissingSecret(ValueError):
    """The file refers to a secret that was not given; the text says which, and never any value."""


class Secrets:
    """The values by name; the empty name is the secret that stands alone."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        long = [value for value in self._values.values() if len(value) >= _SHORTEST_HIDDEN]
        spelled = {way(value) for value in long for way in (str, quote, quote_plus, _in_json)}
        self._hidden = sorted(spelled, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def scrubbed(self, text: str) -> str:
        """Return ``text`` with every secret in it made unreadable: a vendor may repeat a key in an error."""
        for value in self._hidden:
            text = text.replace(value, HIDDEN)
        return text


def secrets(given: SecretStr | None, wanted: Collection[str]) -> Secrets:
    """Return the ``wanted`` secrets out of what was given: one value for the empty name, else lines NAME=VALUE.

    Raises MissingSecret.
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
    return Secrets({name: values[name] for name in wanted})


def _named(text: str) -> dict[str, str]:
    named = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.lstrip().startswith("#"):
            named[name.strip()] = value.strip()
    return named


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"{{secret.{name}}}" if name else "{secret}" for name in sorted(names))
