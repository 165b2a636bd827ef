"""What `make up` says to whoever started it: few lines, and at once."""

import contextlib
from collections.abc import Iterable
from pathlib import Path


def say(text: str) -> None:
    """Print a line, now: the console may be a pipe, or gone."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def pass_on(lines: Iterable[str]) -> None:
    """Say each line as it comes."""
    for line in lines:
        say(line.rstrip())


def shown(path: Path) -> str:
    """Return ``path`` as a person in this folder would write it."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
