"""A real browser over its limit: it is sent away, and comes back, where an error would have ended it for ever."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from support.chromium import chromium
from support.eventually import eventually
from support.redis_server import free_port
from support.stack import Service, house_environment

pytestmark = pytest.mark.browser

LISTEN = """(address) => new Promise((resolve) => {
    const told = []
    const source = new EventSource(address)
    source.onmessage = ({ data }) => told.push(JSON.parse(data))
    source.onerror = () => resolve({ told, state: source.readyState })
})"""


@pytest.fixture
async def gateway() -> AsyncIterator[str]:
    """A gateway that nobody may ask twice; it needs no bus to refuse."""
    folder, port = Path(tempfile.mkdtemp(prefix="spark-goodbye-")), free_port()
    url = f"http://127.0.0.1:{port}"
    service = Service(
        "gateway",
        {
            **house_environment(),
            "SPARK_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
            "SPARK_GATEWAY_PORT": str(port),
            "SPARK_GATEWAY_RATE": "0.001",
            "SPARK_GATEWAY_BURST": "1",
        },
        folder / "gateway.log",
    )
    service.start()
    try:

        async def alive() -> bool:
            try:
                async with httpx.AsyncClient() as client:
                    return (await client.get(f"{url}/livez")).status_code == 200
            except httpx.HTTPError:
                return False

        await eventually(alive, 15, "the gateway")
        yield url
    finally:
        service.kill()
        shutil.rmtree(folder)


async def test_a_browser_over_its_limit_waits_and_does_not_give_up(gateway: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(3):
            await client.get(f"{gateway}/api/market/btcturk/symbols")
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{gateway}/api/version")

        seen = await page.evaluate(LISTEN, f"{gateway}/api/market/btcturk/stream?symbol=*")
    [goodbye] = seen["told"]
    assert (goodbye["type"], goodbye["data"]["reason"]) == ("goodbye", "rate")
    assert seen["state"] == 0  # CONNECTING: it will try again; 2 is CLOSED, as after a 429
