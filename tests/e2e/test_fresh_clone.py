"""`make up` as a stranger meets it: a fresh clone in a folder of an awkward name, with Python and no Redis on PATH."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.house.processes import alive, clean_environment, descendants, eventually, free_ports
from support.required import skip_or_fail

pytestmark = pytest.mark.timeout(600)  # it installs everything

ROOT = Path(__file__).parents[2]
PORTS = [
    "SPARK_GATEWAY_PORT", "SPARK_SIMULATOR_PORT", "SPARK_MONITOR_PORT", "SPARK_BTCTURK_METRICS_PORT",
    "SPARK_BIST_METRICS_PORT",
]  # fmt: skip
COMMANDS = ["make", "bash", "sh", "cat", "dirname"]
if sys.version_info >= (3, 13):
    COMMANDS.append("redis-server")  # up to Python 3.12 the lock brings one along
NOWHERE = "http://127.0.0.1:9"


class Clone:
    """A copy of what is committed, or about to be, and what was started in it."""

    def __init__(self, path: Path, bin_: Path) -> None:
        self.path = path
        ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self.environ = clean_environment() | ports | {"PATH": str(bin_), "LC_ALL": "C"}
        self.console = path.parent / "console"
        self.seen: dict[int, str] = {}

    def make(self, target: str, **environ: str) -> subprocess.Popen[str]:
        """Start it, with what it says in ``console``."""
        with self.console.open("w") as console:
            return subprocess.Popen(
                ["make", target], cwd=self.path, env=self.environ | environ, stdout=console, stderr=console, text=True
            )

    def is_up(self, make: subprocess.Popen[str]) -> bool:
        """Return whether it said so, with an example of each venue; what runs is remembered."""
        assert make.poll() is None, self.console.read_text()
        self.seen |= descendants(make.pid)
        console = self.console.read_text()
        return "up, with simulated data" in console and "BTC_TRY" in console and "THYAO" in console

    def nothing_left(self) -> bool:
        return not any(alive(pid) for pid in self.seen)


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        skip_or_fail("no git to tell what is committed")
    path, bin_ = tmp_path / "Bir klasör, %100 'yeni'", tmp_path / "bin"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # not deleted since
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    bin_.mkdir()
    for command in COMMANDS:
        (bin_ / command).symlink_to(shutil.which(command) or skip_or_fail(f"no {command}"))
    (bin_ / "python3").symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    made = Clone(path, bin_)
    yield made
    for pid in made.seen:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_one_command_brings_everything_up_and_kill_9_of_it_leaves_nothing(clone: Clone) -> None:
    """And the next one heeds neither what the killed one left behind nor that there is no network any more."""
    first = clone.make("up")
    eventually(lambda: clone.is_up(first), "it is up", 400)
    first.kill()
    first.wait()
    eventually(clone.nothing_left, "all is gone", 10)
    assert len(clone.seen) >= 8

    second = clone.make("up", PIP_INDEX_URL=NOWHERE, HTTP_PROXY=NOWHERE, HTTPS_PROXY=NOWHERE)
    eventually(lambda: clone.is_up(second), "it is up again", 60)
    assert "installing" not in clone.console.read_text()
    down = subprocess.run(
        ["make", "down"], cwd=clone.path, env=clone.environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert second.wait(10) == 0
    assert down.stdout == "stopped\n"
    assert clone.nothing_left()


def test_in_a_folder_that_was_moved_it_installs_again(clone: Clone, tmp_path: Path) -> None:
    """Our packages would be looked for, or worse found, where the folder was before."""
    moved = tmp_path / "moved"
    venv = clone.path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "run.stamp").write_text(f"{clone.path.resolve()}\n")

    def plan(folder: Path) -> str:
        return subprocess.run(
            ["make", "-n", "up"], cwd=folder, env=clone.environ, capture_output=True, text=True, check=True
        ).stdout

    assert "pip" not in plan(clone.path)
    clone.path.rename(moved)
    assert "pip" in plan(moved)
