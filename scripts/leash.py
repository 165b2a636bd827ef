"""Runs a program on a leash: when the process that started it ends, even by kill -9, the kernel kills it too.

Usage: leash.py COMMAND [ARGUMENT...]. The leash outlives exec, but not fork: each program needs one of its own.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PARENT = "LEASH_PARENT"
"""Environment variable with the id of the process that is to hold the leash."""


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl. Raises OSError, also on a system that has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "prctl"):
        raise OSError("this system has no prctl; use docker compose up")
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def main(command: list[str]) -> None:
    """Become ``command``, on a leash."""
    holder = int(os.environ.get(PARENT) or os.getppid())
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != holder:  # it died before the kernel knew that we care
            sys.exit(1)
        # Whoever we become keeps our id, and holds the next leash: it does not need to know of it.
        os.environ[PARENT] = str(os.getpid())
        os.execvp(command[0], command)  # noqa: S606 - replacing ourselves is the point
    except OSError as exc:
        sys.exit(f"leash: {' '.join(command)}: {exc}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
