"""Waiting for something to become true: polled under a deadline, so that nothing sleeps for a guess."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

_POLL_S = 0.015


async def eventually(condition: Callable[[], Any | Awaitable[Any]], timeout_s: float = 10, what: str = "") -> Any:
    """Return the first truthy answer of ``condition``, sync or async. Raises AssertionError after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what or 'condition'}; last value {value!r}")
        await asyncio.sleep(_POLL_S)
