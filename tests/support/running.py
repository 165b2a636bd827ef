"""Running something in the background for as long as a test needs it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from spark_service.lifecycle import end


@asynccontextmanager
async def running(part: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run ``part`` while the context lasts; what it raises is raised at the end, its cancellation is not."""
    task = asyncio.create_task(part)
    try:
        yield task
    finally:
        await end([task])  # one cancellation may be lost in a client library, and then the wait has no end
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
