"""Stops what `make up` of this folder left running."""

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from folder import Folder, Running

ROOT = Path(__file__).resolve().parent.parent
ORDERLY_S = 12.0  # `make up` itself takes 10 s at most


def main() -> str | None:
    """Stop it in good order, or else for sure; returns a complaint, or None."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=ROOT / "var", help="the folder with its logs and data")
    try:
        return _stop(Folder(parser.parse_args().state))
    except PermissionError as exc:
        return f"make down: what is here is another user's ({exc})"


def _stop(folder: Folder) -> str | None:
    kill_at = time.monotonic() + ORDERLY_S
    told: int | None = None
    while time.monotonic() < kill_at + ORDERLY_S:
        try:
            folder.claim(os.getpid())
        except Running as running:
            if told is None and running.pid:  # 0: it has the lock, but has not written its id yet
                told = running.pid
                _signal(running.pid, signal.SIGTERM)
            elif told and time.monotonic() > kill_at:
                _signal(running.pid, signal.SIGKILL)  # the leashes take the rest along
            time.sleep(0.1)
        else:
            print("nothing was running" if told is None else "stopped")
            return None
    return f"make down: process {told} does not end"


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended in between
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main())
