"""The same feed over TLS, whose handshake can be slow."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from integration.simulator.helpers import Client, fault, http_of, simulated
from spark_service.lifecycle import CannotStart
from support.certificate import self_signed


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


async def test_the_feed_is_the_same_over_tls(certificate: Path) -> None:
    async with simulated(tls_port=0, tls_certificate=certificate) as simulator:
        trusting = ssl.create_default_context(cafile=str(certificate))
        url = f"wss://127.0.0.1:{simulator.tls_port}/btcturk/ws"
        async with connect(url, ssl=trusting, ping_interval=None) as ws:
            client = Client(ws)
            assert (await client.join("ticker", "BTCTRY"))["ok"]
            assert (await client.next(402))["event"] == "BTCTRY"
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(url)
        async with connect(url, ssl=trusting) as ws:
            assert str(await ws.recv()).startswith("[991,")


async def test_a_handshake_can_take_its_time_while_others_are_served(certificate: Path) -> None:
    async with simulated(tls_port=0, tls_certificate=certificate) as simulator, http_of(simulator) as http:
        trusting = ssl.create_default_context(cafile=str(certificate))
        url = f"wss://127.0.0.1:{simulator.tls_port}/btcturk/ws"
        await fault(http, "slow_tls", seconds=600, delay=0.3)
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with connect(url, ssl=trusting):
            assert loop.time() - started > 0.29
        await fault(http, "slow_tls", seconds=600, delay=600)
        with pytest.raises(TimeoutError):
            await connect(url, ssl=trusting, open_timeout=0.3)
        async with connect(simulator.ws_url) as ws:
            assert str(await ws.recv()).startswith("[991,")


async def test_without_a_tls_port_its_fault_is_refused() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        response = await http.post("/control/faults", json={"fault": "slow_tls", "seconds": 1, "delay": 1})
        assert response.status_code == 422
        assert "SPARK_SIMULATOR_TLS_PORT" in response.json()["error"]


@pytest.mark.parametrize(
    ("file", "named"),
    [
        (lambda folder: None, "SPARK_SIMULATOR_TLS_PORT needs"),
        (lambda folder: folder / "none", "correct SPARK_SIMULATOR_TLS_CERTIFICATE"),
        (lambda folder: Path(__file__), "correct SPARK_SIMULATOR_TLS_CERTIFICATE"),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_named(
    tmp_path: Path, file: Callable[[Path], Path | None], named: str
) -> None:
    given = file(tmp_path)
    values: dict[str, Any] = {} if given is None else {"tls_certificate": given}
    with pytest.raises(CannotStart, match=named):
        async with simulated(tls_port=0, **values):
            pass
