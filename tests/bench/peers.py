"""The environment of what is measured beside ours, which is made when it is first wanted."""

import subprocess
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PYTHON = _ROOT / ".venv-peers" / "bin" / "python"
_INSTALL_S = 600.0


@cache
def python() -> str | None:
    """Return its Python, or None, having said why, when the environment cannot be had here."""
    try:
        subprocess.run([_ROOT / "scripts" / "peers.sh"], check=True, timeout=_INSTALL_S)
    except (OSError, subprocess.SubprocessError) as exc:
        print(f"the peers' environment cannot be had here ({exc}): measured without cryptofeed, and nothing is drawn")
        return None
    return str(_PYTHON)


def cryptofeed() -> str:
    """Return the version of what `python` has."""
    code = "from importlib.metadata import version; print(version('cryptofeed'))"
    answer = subprocess.run([_PYTHON, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    return answer.stdout.strip()
