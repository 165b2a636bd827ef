"""The access file: what it says is what holds, and what is wrong in it is one line with the place."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spark_gateway.access import Access, read
from spark_service.settings import SettingsError

OPEN = {"requestsPerSecond": 5, "burst": 10, "streams": 2}
PRO = {"requestsPerSecond": 0.5, "burst": 100, "streams": 50, "venues": ["btcturk"]}
DIGEST = hashlib.sha256(b"secret").hexdigest()


def a_key(**changes: Any) -> dict[str, Any]:
    return {"name": "acme", "sha256": DIGEST, "class": "pro", **changes}


def written(folder: Path, content: Any) -> Path:
    path = folder / "access.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def access_of(folder: Path, *keys: dict[str, Any], **classes: Any) -> Access:
    return read(written(folder, {"classes": classes, "keys": list(keys)}))


def test_a_key_has_the_limits_of_its_class_and_is_known_by_its_digest(tmp_path: Path) -> None:
    access = access_of(tmp_path, a_key(), anonymous=OPEN, pro=PRO)

    holder = access.holder(b"secret")

    assert holder is not None and access.holder(b"Secret") is None
    assert (holder.id, holder.rate.burst, holder.rate.requests_per_second) == ("key:acme", 100, 0.5)
    assert holder.may_see("btcturk") and not holder.may_see("bist")
    assert access.anonymous is not None and access.anonymous.venues is None


def test_venues_of_a_key_count_instead_of_those_of_its_class(tmp_path: Path) -> None:
    keys = a_key(venues=["bist"]), a_key(name="none", sha256="0" * 64, venues=[])
    access = access_of(tmp_path, *keys, pro=PRO)

    holder, shut_out = access.keys.values()

    assert holder.may_see("bist") and not holder.may_see("btcturk")
    assert not shut_out.may_see("bist")
    assert access.anonymous is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "truncated"),
        ("[]", "Expected `object`"),
        ({}, "classes"),
        ({"classes": {}}, "classes: it names none"),
        ({"classes": {"pro": PRO}}, "nobody could ask"),
        ({"classes": {"anonymous": OPEN}, "key": []}, "unknown field `key`"),
        ({"classes": {"anonymous": {**OPEN, "bursts": 1}}}, "classes.anonymous: Object contains unknown field"),
        ({"classes": {"anonymous": {**OPEN, "burst": 0}}}, "classes.anonymous: Expected `int` >= 1 - at `$.burst`"),
        ({"classes": {"anonymous": {**OPEN, "requestsPerSecond": "5"}}}, "at `$.requestsPerSecond`"),
        ({"classes": {"anonymous": {"burst": 1, "streams": 1}}}, "missing required field `requestsPerSecond`"),
        ({"classes": {"anonymous": {**OPEN, "venues": ["nyse"]}}}, "classes.anonymous.venues: 'nyse' is not one of"),
        ({"classes": {"": OPEN}}, "a name has 1 to 64 letters"),
        ({"classes": {"pro": PRO}, "keys": [a_key(sha256="abc")]}, "keys[0]: Expected `str` matching regex"),
        ({"classes": {"pro": PRO}, "keys": [a_key(**{"class": "gold"})]}, "keys[0] (acme).class: 'gold' is not one"),
        ({"classes": {"pro": PRO}, "keys": [a_key(venues=["x"])]}, "keys[0] (acme).venues: 'x'"),
        ({"classes": {"pro": PRO}, "keys": [a_key(), a_key()]}, "keys[1] (acme).name: it is taken"),
        ({"classes": {"pro": PRO}, "keys": [a_key(), a_key(name="b")]}, "keys[1] (b).sha256: it is that of a key"),
        ({"classes": {"pro": PRO}, "keys": [a_key(name="a b")]}, "keys[0].name: a name has"),
        ({"classes": {"pro": PRO}, "keys": [a_key(key="secret")]}, "unknown field `key`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_file_and_place(tmp_path: Path, content: Any, says: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(SettingsError) as caught:
        read(path)

    line = str(caught.value)
    assert line.startswith(f"SPARK_GATEWAY_ACCESS: {path}: ") and says in line
    assert "\n" not in line


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"access.json.*No such file"):
        read(tmp_path / "access.json")


def test_a_new_key_opens_what_its_entry_says(tmp_path: Path) -> None:
    """The command's two lines are all that is needed, and the file has nothing of the key."""
    made = subprocess.run(
        [sys.executable, "-m", "spark_gateway.newkey", "acme", "pro"], capture_output=True, text=True, check=True
    )

    key, entry = made.stdout.splitlines()

    assert key not in made.stderr and key not in entry
    assert len(key) > 40
    holder = access_of(tmp_path, json.loads(entry), pro=PRO).holder(key.encode())
    assert holder is not None and holder.id == "key:acme"


@pytest.mark.parametrize("arguments", [[], ["a b"], ["--help"], ["a", "b", "c"]])
def test_a_new_key_needs_a_name(arguments: list[str]) -> None:
    made = subprocess.run([sys.executable, "-m", "spark_gateway.newkey", *arguments], capture_output=True, text=True)

    assert (made.returncode, made.stdout) == (2, "")
    assert "usage" in made.stderr
