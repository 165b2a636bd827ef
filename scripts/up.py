"""`make up`: checks that everything can start, starts it under a process manager, and leaves nothing behind.

This process holds the leash of supervisord, and supervisord those of Redis and the services (see leash.py), so the
end of any of them, even by kill -9, ends all below it. Logs are in the state folder; the console stays calm.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from announcement import Announcement
from console import pass_on, say, shown
from folder import Folder, Running
from leash import PARENT, PR_SET_CHILD_SUBREAPER, prctl
from preflight import Plan, Refusal, prepare
from supervision import LEASH, configuration

ROOT = Path(__file__).resolve().parent.parent
ORDERLY_S = 9.5  # after this long, stopping is no longer a request
AUDIT_LOG = "SPARK_GATEWAY_AUDIT_LOG"
CANARY_URL = "SPARK_MONITOR_CANARY_URL"


def main() -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--state", type=Path, default=ROOT / "var", help="the folder for logs and data (default: var)")
    folder = Folder(parser.parse_args().state)
    try:
        prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans come to us, so that we can tell when the last one is gone
        folder.claim(os.getpid())
        plan = prepare(os.environ)
        config = folder.path / "supervisord.conf"
        config.write_text(configuration(plan, folder), encoding="utf-8")
    except (OSError, Running, Refusal) as exc:
        print(f"make up: {exc}", file=sys.stderr)
        return 1
    say(f"starting; logs are in {shown(folder.log)}, Ctrl-C stops everything")
    return Stack(config, plan, folder).run()


class Stack:
    """supervisord and all below it, from start to end."""

    def __init__(self, config: Path, plan: Plan, folder: Folder) -> None:
        self._config = config
        self._plan = plan
        self._folder = folder
        self._asked_at: float | None = None
        self._on_terminal = os.isatty(sys.stderr.fileno())
        self._supervisord: subprocess.Popen[str] | None = None

    def run(self) -> int:
        """Start, announce, and wait for the end; returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it is to outlive its terminal
            signal.signal(signal.SIGHUP, self._stop)
        self._supervisord = subprocess.Popen(
            [*LEASH, sys.executable, "-m", "supervisor.supervisord", "-c", str(self._config)],
            env={
                AUDIT_LOG: str(self._folder.log / "slo-alerts.log"),
                CANARY_URL: self._plan.page,
                **self._plan.environ,
                PARENT: str(os.getpid()),
            },
            stdin=subprocess.DEVNULL,
            # By way of us, because supervisord does not survive writing to a terminal that was closed.
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C and the closing of a terminal come to us alone; supervisord would take the latter for "reload".
            start_new_session=True,
        )
        if self._asked_at is not None:  # in the moment before there was anything to stop
            self._supervisord.terminate()
        relay = threading.Thread(target=pass_on, args=(self._supervisord.stdout,), daemon=True)
        relay.start()
        try:
            self._watch(self._supervisord)
        finally:
            reap()
        relay.join(1)
        if self._asked_at is None:
            print(f"make up: supervisord ended by itself; see {shown(self._folder.log)}", file=sys.stderr)
            return 1
        say("stopped")
        return 0

    def _stop(self, _number: int = signal.SIGTERM, _frame: object = None) -> None:
        if self._supervisord is None:
            self._asked_at = time.monotonic()
        elif self._asked_at is None:
            self._asked_at = time.monotonic()
            self._supervisord.terminate()
        else:  # asked twice: now
            self._supervisord.kill()

    def _watch(self, supervisord: subprocess.Popen[str]) -> None:
        announcement = Announcement(self._plan, self._folder)
        while supervisord.poll() is None:
            if self._on_terminal and not os.isatty(sys.stderr.fileno()):
                # A closed terminal is told to its first process alone, which may be make: that waits for us.
                self._on_terminal = False
                self._stop()
            if self._asked_at is not None:
                if time.monotonic() > self._asked_at + ORDERLY_S:
                    supervisord.kill()
            elif not announcement.complete:
                announcement.go_on()
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisord.wait(0.25)


def reap() -> None:
    """Kill what is left below us, and wait for it; the leashes have done it already, or are about to."""
    me = os.getpid()
    with contextlib.suppress(ChildProcessError):
        while True:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                for child in Path(f"/proc/self/task/{me}/children").read_text(encoding="ascii").split():
                    os.kill(int(child), signal.SIGKILL)
                time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
