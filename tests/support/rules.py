"""The rules that are committed for Prometheus, read as data."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules"

_WORDS = frozenset({"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool",
                    "offset", "inf", "nan"})  # fmt: skip
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*[(\w:])")


@cache
def groups() -> tuple[dict[str, Any], ...]:
    """Return the groups of all files."""
    return tuple(group for file in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(file.read_text())["groups"])


def rules(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the rules of a kind: ``alert`` or ``record``."""
    for group in groups():
        yield from (rule for rule in group["rules"] if kind in rule)


def alerts() -> set[str]:
    """Return the names of all alerts."""
    return {rule["alert"] for rule in rules("alert")}


def recorded() -> set[str]:
    """Return the names of what the recording rules make."""
    return {rule["record"] for rule in rules("record")}


def metrics(expression: str) -> set[str]:
    """Return the metrics that a PromQL expression asks for; of a pattern of names, the pattern."""
    patterns = set(re.findall(r'__name__=~"([^"]*)"', expression))
    bare = _STRING.sub("", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", _LABELS.sub(" ", bare))
    return patterns | {name for name in _NAME.findall(bare) if name.lower() not in _WORDS}
