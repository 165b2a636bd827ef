"""`make up` from start to end: everything comes up, what dies comes back, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from integration.house.processes import alive, clean_environment, descendants, eventually, free_ports
from support.answered import answered

ROOT = Path(__file__).parents[3]
TICKER = "/api/market/btcturk/ticker?symbol=BTC_TRY"
BIST_TICKER = "/api/market/bist/ticker?symbol=THYAO"


@dataclass
class Up:
    """One running scripts/up.py."""

    process: subprocess.Popen[str]
    state: Path
    console: Path
    gateway_port: int
    seen: dict[int, str] = field(default_factory=dict)

    def look(self) -> dict[int, str]:
        """Return what runs below it now, and remember it for the end."""
        below = descendants(self.process.pid)
        self.seen |= below
        return below

    def child(self, part: str) -> int | None:
        """Return the id of the one running program with ``part`` in its command line."""
        return next(
            (pid for pid, command in self.look().items() if part in command and "leash.py" not in command), None
        )

    def ticker(self, path: str = TICKER) -> dict[str, Any] | None:
        """Return the ticker that the gateway serves, if it does."""
        ticker: dict[str, Any] | None = answered(self.gateway_port, path)
        return ticker

    def nothing_left(self) -> bool:
        """Return whether it and all it ever ran is gone."""
        return self.process.poll() is not None and not any(alive(pid) for pid in self.seen)


Start = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts scripts/up.py with some venues on free ports, and ends what a failing test leaves."""
    started: list[Up] = []

    def start_one(venues: str, *prefix: str) -> Up:
        gateway, simulator, monitor, btcturk, bist = free_ports(5)
        environ = clean_environment() | {
            "SPARK_GATEWAY_PORT": str(gateway),
            "SPARK_SIMULATOR_PORT": str(simulator),
            "SPARK_MONITOR_PORT": str(monitor),
            "SPARK_BTCTURK_METRICS_PORT": str(btcturk),
            "SPARK_BIST_METRICS_PORT": str(bist),
            "SPARK_VENUES": venues,
        }
        state, console = tmp_path / "var", tmp_path / "console"
        with console.open("w") as output:
            process = subprocess.Popen(
                [*prefix, sys.executable, ROOT / "scripts" / "up.py", "--state", state],
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        started.append(Up(process, state, console, gateway))
        return started[-1]

    yield start_one
    for up in started:
        up.look()
        up.process.kill()
        up.process.wait()
        for pid in up.seen:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def up(start: Start) -> Up:
    """A platform of one venue that serves a ticker and has said so."""
    running = start("btcturk")
    eventually(lambda: running.ticker() is not None, "the gateway serves a ticker", 45)
    eventually(lambda: TICKER in running.console.read_text(), "the address is on the console")
    return running


def test_a_ticker_arrives_and_a_killed_simulator_comes_back(up: Up) -> None:
    """The feed of the whole platform goes through it, so its end and return show in the ticker."""
    first = up.ticker()
    assert first is not None
    assert first["type"] == "ticker"
    assert first["data"]["mode"] == "mock"
    killed = up.child("spark_simulator")
    assert killed is not None

    os.kill(killed, signal.SIGKILL)
    killed_at_ms = time.time() * 1000

    eventually(lambda: up.child("spark_simulator") not in (None, killed), "the simulator is back", 20)
    eventually(lambda: received_at(up.ticker()) > killed_at_ms + 1000, "tickers flow again", 45)


def received_at(ticker: dict[str, Any] | None) -> int:
    return 0 if ticker is None else int(ticker["data"]["receivedAt"])


def test_by_default_there_are_both_venues_with_an_example_of_each(start: Start) -> None:
    """At whatever time of day: BIST's last prices are there although it is closed, and the console says that it is."""
    running = start("")

    eventually(lambda: BIST_TICKER in running.console.read_text(), "both are announced", 60)
    console = running.console.read_text()
    ticker = running.ticker(BIST_TICKER)

    assert f"curl 'http://127.0.0.1:{running.gateway_port}{TICKER}'" in console
    assert ticker is not None
    assert (ticker["data"]["mode"], ticker["data"]["venueTime"] is None) == ("mock", False)
    assert running.child("spark_ingest_btcturk")
    assert running.child("spark_ingest_bist")
    assert (running.state / "log" / "ingest-bist.log").exists()


def test_bist_alone_is_a_platform_too(start: Start) -> None:
    """Without an ingest for the venue that nobody asked for."""
    running = start("bist")

    eventually(lambda: BIST_TICKER in running.console.read_text(), "it is announced", 60)

    assert TICKER not in running.console.read_text()
    assert running.child("spark_ingest_bist")
    assert running.child("spark_ingest_btcturk") is None


def test_the_console_tells_the_address_and_the_files_the_rest(up: Up) -> None:
    """A person reads three lines; whoever looks for trouble finds a log for each program."""
    console = up.console.read_text()
    logs = {path.name for path in (up.state / "log").iterdir()}

    assert f"http://127.0.0.1:{up.gateway_port}\n" in console
    assert f"curl 'http://127.0.0.1:{up.gateway_port}{TICKER}'" in console
    assert "WARN" not in console
    assert {"redis.log", "simulator.log", "ingest-btcturk.log", "gateway.log", "monitor.log"} <= logs
    assert "slo-alerts.log" in logs


def test_ctrl_c_ends_everything_within_ten_seconds(up: Up) -> None:
    """In good order, and with nothing left."""
    assert len(up.look()) >= 6

    up.process.send_signal(signal.SIGINT)

    eventually(up.nothing_left, "all is gone", 10)
    assert up.process.returncode == 0
    assert up.console.read_text().endswith("stopped\n")


def test_under_nohup_it_outlives_its_terminal(start: Start) -> None:
    """As any program does."""
    running = start("btcturk", "nohup")
    eventually(lambda: running.ticker() is not None, "the gateway serves a ticker", 45)

    running.process.send_signal(signal.SIGHUP)
    told_at_ms = time.time() * 1000

    eventually(lambda: received_at(running.ticker()) > told_at_ms + 2000, "tickers go on", 10)


@pytest.mark.parametrize("victim", ["supervisord", "up.py"])
def test_kill_9_of_a_manager_leaves_nothing_behind(up: Up, victim: str) -> None:
    """No port stays taken, no Redis goes on writing, by nobody's leave."""
    assert len(up.look()) >= 6
    pid = up.process.pid if victim == "up.py" else up.child("supervisor.supervisord")
    assert pid is not None

    os.kill(pid, signal.SIGKILL)

    eventually(up.nothing_left, "all is gone", 10)
    if victim == "supervisord":
        assert up.process.returncode == 1
        assert "supervisord ended by itself" in up.console.read_text()


def test_a_second_start_in_the_same_folder_is_refused_in_one_line(up: Up) -> None:
    """Two would share one Redis folder."""
    second = subprocess.run(
        [sys.executable, ROOT / "scripts" / "up.py", "--state", up.state],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 1
    assert second.stderr == (
        f"make up: already running here as process {up.process.pid}; stop it with Ctrl-C or make down\n"
    )


def test_make_down_stops_it_and_is_content_when_nothing_runs(up: Up) -> None:
    """From another terminal."""
    up.look()
    down = [sys.executable, str(ROOT / "scripts" / "down.py"), "--state", str(up.state)]

    first = subprocess.run(down, capture_output=True, text=True, timeout=60, check=True)
    second = subprocess.run(down, capture_output=True, text=True, timeout=60, check=True)

    assert (first.stdout, second.stdout) == ("stopped\n", "nothing was running\n")
    eventually(up.nothing_left, "all is gone", 2)
