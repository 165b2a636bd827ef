"""Starting and stopping: bad settings, a taken port, and a prompt end with sockets open."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from integration.simulator.helpers import client_of, settings_for, simulated
from spark_service.lifecycle import BAD_SETTINGS, CANNOT_START, CannotStart
from spark_service.settings import SettingsError


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "65536"), ("port", "x"), ("pairs", "3"), ("pairs", "380"), ("interval_ms", "0"), ("seed", "one"),
     ("interval_ms", "60001"), ("change_probability", "1.1"), ("change_probability", "nan"), ("replay_speed", "0"),
     ("replay_speed", "inf")],
)  # fmt: skip
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"SPARK_SIMULATOR_{name.upper()}"):
        settings_for(**{name: value})


async def test_a_taken_port_is_named_with_its_setting() -> None:
    async with simulated() as first:
        with pytest.raises(CannotStart, match=rf"127.0.0.1:{first.port}.*SPARK_SIMULATOR_PORT"):
            async with simulated(port=first.port):
                pass


async def test_it_stops_at_once_with_sockets_open() -> None:
    """Clients are told, and one that does not read cannot hold it."""
    loop = asyncio.get_running_loop()
    async with simulated() as simulator:
        client = client_of(simulator)
        talker = await client.__aenter__()
        await talker.join("ticker", "all")
        deaf = socket.create_connection((simulator.host, simulator.port))
        deaf.sendall(
            b"GET /btcturk/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await talker.next(401)
        started = loop.time()
    took = loop.time() - started

    assert took < 2
    await talker.closed()
    assert talker.ws.close_code == 1001
    await client.__aexit__(None, None, None)
    deaf.close()


def run(**environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "spark_simulator"], env={**os.environ, **environ}, stderr=subprocess.PIPE, text=True
    )


def test_the_process_ends_well_on_sigterm() -> None:
    with run(SPARK_SIMULATOR_PORT="0") as process:
        assert process.stderr is not None
        while "listening" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        process.communicate(timeout=5)
    assert process.returncode == 0
    assert time.monotonic() - started < 2


def test_the_process_says_in_one_line_why_it_does_not_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with run(SPARK_SIMULATOR_PORT=port) as process:
            _, told = process.communicate(timeout=10)
    assert process.returncode == CANNOT_START
    assert f"cannot listen on 127.0.0.1:{port}" in told.splitlines()[-1]

    with run(SPARK_SIMULATOR_PAIRS="2") as process:
        _, told = process.communicate(timeout=10)
    assert process.returncode == BAD_SETTINGS
    assert "SPARK_SIMULATOR_PAIRS" in told.splitlines()[-1]
