"""How a service starts and ends: settings, logs, one main coroutine, an orderly stop on SIGTERM or Ctrl-C."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import structlog
import uvloop

from spark_service import logs
from spark_service.settings import Settings, SettingsError, SettingsT, load

BAD_SETTINGS = 2
"""Exit status when a setting cannot be used: starting again will not help."""
CANNOT_START = 3
"""Exit status when something around the service is in the way, such as a taken port."""

logger = structlog.get_logger()


class CannotStart(Exception):
    """Something outside is in the way; the text says what, and what to do about it."""


def run(service: str, cls: type[SettingsT], main: Callable[[SettingsT], Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` with its settings until it ends or a signal cancels it; the process's whole life."""
    logs.configure(service, "info")
    try:
        settings = load(cls, os.environ)
        logs.configure(service, settings.log_level)
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
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def run_together(parts: Iterable[Awaitable[None]]) -> None:
    """Run ``parts`` side by side; when one fails, stop the others and raise what it raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(_awaited(part))
    except BaseExceptionGroup as exc:
        raise exc.exceptions[0] from exc


async def _awaited(part: Awaitable[None]) -> None:
    await part


__all__ = ["BAD_SETTINGS", "CANNOT_START", "CannotStart", "Settings", "run", "run_together"]
