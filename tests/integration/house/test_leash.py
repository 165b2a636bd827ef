"""The leash of `make up`: whatever ends the holder ends the program."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.house.processes import alive, clean_environment, descendants, eventually

LEASH = str(Path(__file__).parents[3] / "scripts" / "leash.py")

# Started by us, it starts itself again below, leashed; the last one is deaf to SIGTERM and sleeps.
HOLDER = "import subprocess, sys; subprocess.run(sys.argv[1:])"
SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
LEASHED = [sys.executable, LEASH, sys.executable, "-c"]


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds one on a leash, which holds another."""
    command = [sys.executable, "-c", HOLDER, *LEASHED, HOLDER, *LEASHED, SLEEPER]
    with subprocess.Popen(command, env=clean_environment()) as process:
        eventually(lambda: len(leashed(process.pid)) == 2, "both leashes are on")
        below = leashed(process.pid)
        yield process
        process.kill()
        for pid in below:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def leashed(pid: int) -> list[int]:
    """Return the programs below, without a leash that has yet to become its program."""
    return [child for child, command in descendants(pid).items() if command.split()[1:2] == ["-c"]]


def test_a_killed_holder_takes_everything_below_along(holder: subprocess.Popen[bytes]) -> None:
    """kill -9 gives nobody a chance to tidy up; the kernel does it, level by level."""
    below = leashed(holder.pid)

    holder.kill()
    holder.wait()

    eventually(lambda: not any(alive(pid) for pid in below), "nothing is left")


def test_a_leash_whose_holder_is_gone_already_starts_nothing() -> None:
    """The holder may die before the kernel has been asked; the program must not start then."""
    done = subprocess.run(
        [sys.executable, LEASH, sys.executable, "-c", "print('started')"],
        env={**clean_environment(), "LEASH_PARENT": "1"},  # not us
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")


def test_a_program_that_is_not_there_is_named() -> None:
    """The line ends up in that program's log."""
    done = subprocess.run(
        [sys.executable, LEASH, "/no/such/program"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert done.returncode == 1
    assert "/no/such/program" in done.stderr
    assert len(done.stderr.splitlines()) == 1
