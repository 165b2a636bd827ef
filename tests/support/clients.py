"""Clients that are not ours, run as the documentation shows them: each prints an event's id and message a line."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Browser, ConsoleMessage, Page

from support.docs import GATEWAY, examples
from support.npm import installed
from support.programs import found

_PACKAGES = Path(__file__).parents[1] / "clients"


class Shown(NamedTuple):
    """A line that a client printed; its ``id`` may be that of an earlier event, if the event had none."""

    id: str
    type: str
    data: dict[str, Any]


class Client:
    """What a client printed so far, from all of its connections."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.complaints: list[str] = []
        """Lines that are none of these."""

    def take(self, line: str) -> None:
        """Note a line."""
        event_id, brace, message = line.partition("{")
        try:
            body = json.loads(brace + message, parse_float=Decimal, parse_int=Decimal)
            self.shown.append(Shown(event_id.strip(), body["type"], body["data"]))
        except (ValueError, KeyError):
            self.complaints.append(line)

    def of(self, *kinds: str) -> list[Shown]:
        """Return the lines of some types."""
        return [line for line in self.shown if line.type in kinds]


def _documented(language: str, port: int) -> list[str]:
    return [
        example.replace(GATEWAY, f"http://127.0.0.1:{port}") for example in examples("http-api.md", "Clients", language)
    ]


@asynccontextmanager
async def curl_once(port: int, folder: Path) -> AsyncIterator[Client]:
    """Yield the first thing that anybody tries; its lines are those of the wire."""
    command = _documented("sh", port)[0]
    async with _running([found("sh"), "-c", f"exec {command}"], folder) as client:
        yield client


@asynccontextmanager
async def curl(port: int, folder: Path) -> AsyncIterator[Client]:
    """Yield curl in a shell's loop."""
    found("curl")
    async with _running([found("sh"), "-c", _documented("sh", port)[1]], folder) as client:
        yield client


@asynccontextmanager
async def python(port: int, folder: Path) -> AsyncIterator[Client]:
    """Yield httpx-sse."""
    [script] = _documented("python", port)
    async with _running([sys.executable, "-c", script], folder) as client:
        yield client


@asynccontextmanager
async def node(port: int, folder: Path) -> AsyncIterator[Client]:
    """Yield npm's eventsource."""
    program = found("node")
    packages = await asyncio.to_thread(installed, _PACKAGES)
    same_as_browser, its_import = _documented("js", port)
    (folder / "client.mjs").write_text(its_import + same_as_browser, encoding="utf-8")
    (folder / "node_modules").symlink_to(packages)
    async with _running([program, "client.mjs"], folder) as client:
        yield client


class LoadedPage(Client):
    """A browser's page, which may be loaded again."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    async def reload(self) -> None:
        await self._page.reload()


@asynccontextmanager
async def chromium(browser: Browser, port: int) -> AsyncIterator[LoadedPage]:
    """Yield a page with an EventSource that begins anew whenever the page is loaded."""
    context = await browser.new_context()
    page = await context.new_page()
    client = LoadedPage(page)

    def note(message: ConsoleMessage) -> None:
        if message.type == "log":
            client.take(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: client.complaints.append(str(error)))
    await page.add_init_script(_documented("js", port)[0])
    await page.goto(f"http://127.0.0.1:{port}/livez")
    yield client
    await context.close()


@asynccontextmanager
async def _running(command: Sequence[str], folder: Path) -> AsyncIterator[Client]:
    client = Client()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True, limit=2**20,
    )  # fmt: skip
    reading = asyncio.create_task(_read(process, client))
    try:
        yield client
    finally:
        os.killpg(process.pid, 9)  # a shell has children
        await process.wait()
        await reading


async def _read(process: asyncio.subprocess.Process, client: Client) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        client.take(line.decode().rstrip("\n"))
