"""npm's packages, as a folder of ours has locked them. The registry is the machine's own affair."""

import hashlib
import subprocess
from pathlib import Path

from support.programs import found
from support.required import skip_or_fail

_INSTALL_S = 120


def installed(folder: Path) -> Path:
    """Return the ``node_modules`` of ``folder``, installed unless they are there as its lock has them."""
    modules, done = folder / "node_modules", folder / "node_modules" / ".installed"
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if not done.exists() or done.read_text() != lock:
        try:
            subprocess.run(
                [found("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder, check=True, capture_output=True, text=True, timeout=_INSTALL_S,
            )  # fmt: skip
        except subprocess.SubprocessError as exc:
            skip_or_fail(f"npm ci failed: {getattr(exc, 'stderr', '') or exc}")
        done.write_text(lock)
    return modules
