"""How a service starts and ends: settings, logs, one main coroutine, an orderly stop on SIGTERM or Ctrl-C."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog
import uvloop

from spark_service import logs
from spark_service.settings import SettingsError, SettingsT, load

BAD_SETTINGS = 2
"""Exit status when a setting cannot be used: starting again will not help."""
CANNOT_START = 3
"""Exit status when something around the service is in the way, such as a taken port."""

_CANCEL_AGAIN_S = 3.0

logger = structlog.get_logger()


class CannotStart(Exception):
    """Something outside is in the way; the text says what, and what to do about it."""


def run(service: str, cls: type[SettingsT], main: Callable[[SettingsT], Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` with its settings until it ends or a signal cancels it; the process's whole life."""
    logs.configure(service, "info")
    try:
        settings = load(cls, os.environ)
        logs.configure(service, settings.log_level)
        # All that was imported stays: looking through it would stop the service for 35 ms at each full collection.
        gc.collect()
        gc.freeze()
        uvloop.run(_until_stopped(main(settings)))
    except SettingsError as exc:
        sys.exit(_complain(service, exc, BAD_SETTINGS))
    except CannotStart as exc:
        sys.exit(_complain(service, exc, CANNOT_START))
    logger.info("stopped")


def _complain(service: str, exc: Exception, status: int) -> int:
    print(f"{service}: {exc}", file=sys.stderr)
    return status


async def _until_stopped(main: Coroutine[Any, Any, None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    task = asyncio.create_task(main)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    await end([task, stopped])
    if not task.cancelled():
        task.result()


async def run_together(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run ``parts`` side by side; when one fails, stop the others and raise what it raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await end(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` until they have ended.

    One cancellation is not always enough: on Python 3.11 `asyncio.wait_for`, which redis-py sends under, loses one
    that comes as the send ends. The pause leaves a part the time to leave in order.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)
