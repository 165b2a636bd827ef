"""The audit log: one JSON line for each violation of a limit, in a file of bounded size.

Callers never wait for the disk: lines go through a bounded queue to a thread of its own. What the queue cannot take is
counted, and said in a line once there is room. While the file cannot be written, or none is set, the lines go to the
ordinary log, a few a second.
"""

import contextvars
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from spark_gateway.accessmetrics import AccessMetrics

MOST_BYTES: Final = 10_000_000
FILES: Final = 4
"""The file itself and the older ones beside it, ``.1`` the newest of them."""
LOST: Final = "lost"
"""The kind of the line that says how many ``lines`` were left out before it."""
_LEFT_OUT: Final = "violations were left out"
_MOST_WAITING: Final = 1_000
_TRY_AGAIN_S: Final = 30.0  # a disk that was full may have room again
_LOG_LINES_PER_S: Final = 10.0
_END_S: Final = 2.0

logger = structlog.get_logger()

Line = dict[str, Any]


class AuditLog:
    """Takes lines from the event loop. Close it when the process ends: what is queued is written first."""

    def __init__(
        self, path: Path | None, metrics: AccessMetrics, *, most_bytes: int = MOST_BYTES, waiting: int = _MOST_WAITING
    ) -> None:
        self._file = None if path is None else _File(path, most_bytes)
        self._metrics = metrics
        self._queue: queue.Queue[Line | None] = queue.Queue(waiting)
        self._lost = 0  # this thread's alone
        self._log = _OrdinaryLog(metrics)
        self._thread = threading.Thread(
            # In this context, so that what it logs names the service.
            target=contextvars.copy_context().run,
            args=(self._run,),
            name="audit",
            daemon=True,
        )
        if self._file is not None:
            self._file.try_now()  # so that a start, and not the first violation, shows that it cannot be written
        self._thread.start()

    def write(self, line: Line) -> None:
        """Put ``line`` on its way."""
        try:
            if self._lost:  # first, so that it stands where the hole is
                self._queue.put_nowait({"time": line["time"], "kind": LOST, "lines": self._lost})
                self._lost = 0
            self._queue.put_nowait(line)
        except queue.Full:
            self._lost += 1
            self._metrics.audited("lost")

    def close(self) -> None:
        """Write what is queued, within two seconds, and end the thread."""
        deadline = time.monotonic() + _END_S
        try:
            self._queue.put(None, timeout=_END_S)
        except queue.Full:
            return
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            if self._file is not None and self._file.write(msgspec.json.encode(line).decode()):
                self._metrics.audited("file")
            else:
                self._log.write(line)
        if self._file is not None:
            self._file.close()


class _File:
    """The file, and whether it can be written right now. Warns once each time that it cannot."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path = path
        self._handler = _Handler(path, most_bytes)
        self._broken_until = 0.0
        self._broken = False

    def write(self, text: str) -> bool:
        """Return whether the line is in the file."""
        record = logging.makeLogRecord({"msg": text})
        return self._attempt(lambda: self._handler.emit(record))

    def try_now(self) -> None:
        """Open it."""
        self._attempt(self._handler.reopen_if_moved)

    def close(self) -> None:
        """Close it; it may be gone."""
        self._attempt(self._handler.close)

    def _attempt(self, act: Callable[[], None]) -> bool:
        if time.monotonic() < self._broken_until:
            return False
        try:
            act()
        except OSError as exc:
            self._broken_until = time.monotonic() + _TRY_AGAIN_S
            if not self._broken:
                logger.warning(
                    "the audit log cannot be written; its lines come here", path=str(self._path), error=str(exc)
                )
            self._broken = True
            return False
        if self._broken:
            logger.info("the audit log is written again", path=str(self._path))
        self._broken = False
        return True


class _Handler(RotatingFileHandler):
    """Rotates by itself, and notices when another one has: a file moved or removed under it is opened anew."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=FILES - 1, encoding="utf-8", delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. Raises OSError."""
        self.reopen_if_moved()
        super().emit(record)

    def reopen_if_moved(self) -> None:
        """Be on the file that has the name now. Raises OSError."""
        if self.stream is not None:
            try:
                there, ours = os.stat(self.baseFilename), os.fstat(self.stream.fileno())
            except FileNotFoundError:
                there, ours = None, None
            if there is not None and ours is not None and os.path.samestat(there, ours):
                return
            self.stream.close()
            self.stream = None
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Let the error out: it is handled here, and not printed."""
        raise


class _OrdinaryLog:
    """The stand-in: a few lines a second, so that a flood of violations does not drown what else is said."""

    def __init__(self, metrics: AccessMetrics) -> None:
        self._metrics = metrics
        self._room = _LOG_LINES_PER_S
        self._at = time.monotonic()
        self._left_out = 0

    def write(self, line: Line) -> None:
        """Log ``line``, or count it."""
        now = time.monotonic()
        self._room = min(_LOG_LINES_PER_S, self._room + (now - self._at) * _LOG_LINES_PER_S)
        self._at = now
        if self._room < 1:
            self._left_out += 1
            self._metrics.audited("lost")
            return
        self._room -= 1
        if self._left_out:
            logger.warning(_LEFT_OUT, lines=self._left_out)
            self._left_out = 0
        event = _LEFT_OUT if line["kind"] == LOST else "a limit was broken"
        logger.warning(event, **{name: value for name, value in line.items() if name != "time"})
        self._metrics.audited("log")
