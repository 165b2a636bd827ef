"""The parts of a benchmark that are written in C, built when they are first wanted."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

_SOURCES = Path(__file__).parent / "native"
_BUILT = Path(__file__).parents[2] / "var" / "bench"


@cache
def program(name: str) -> str | None:
    """Return the path of a built program, or None, having said so, where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        print(f"there is no C compiler: measured without the {name} that is written in C")
        return None
    _BUILT.mkdir(parents=True, exist_ok=True)
    built = _BUILT / name
    subprocess.run([compiler, "-O2", "-Wall", "-o", built, _SOURCES / f"{name}.c"], check=True, timeout=60)
    return str(built)
