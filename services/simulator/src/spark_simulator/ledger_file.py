"""The ledger's file: one JSON line for every frame of some types, for runs too long to be kept in memory."""

import contextlib
import time
from collections.abc import Collection
from pathlib import Path

import msgspec
import structlog

from spark_service.lifecycle import CannotStart

_BUFFER = 1 << 20  # bytes
_FLUSH_S = 0.5

logger = structlog.get_logger()


class LedgerFile:
    """Lines in the order of sending, each with the keys of the ledger's entries."""

    def __init__(self, path: Path, types: Collection[int]) -> None:
        """Begin the file at ``path`` anew. Raises CannotStart."""
        self.path = path
        self.types = frozenset(types)
        self.lines = 0
        self.failure: str | None = None
        self._encoder = msgspec.json.Encoder()
        self._flushed = time.monotonic()
        try:
            self._file = path.open("wb", buffering=_BUFFER)
        except OSError as exc:
            raise CannotStart(f"cannot write {path} ({exc.strerror}); correct SPARK_SIMULATOR_LEDGER_FILE") from exc

    def write(self, entry: msgspec.Struct) -> None:
        """Append one line. A full disk ends the file, not the simulator."""
        if self.failure is not None:
            return
        try:
            self._file.write(self._encoder.encode(entry) + b"\n")
            self.lines += 1
            if time.monotonic() > self._flushed + _FLUSH_S:
                self.flush()
        except OSError as exc:
            self._fail(exc)

    def flush(self) -> None:
        """Let the file have all lines."""
        self._flushed = time.monotonic()
        if self.failure is None:
            try:
                self._file.flush()
            except OSError as exc:
                self._fail(exc)

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        with contextlib.suppress(OSError):
            self._file.close()

    def _fail(self, exc: OSError) -> None:
        self.failure = str(exc.strerror)
        logger.error("the ledger's file ends here", path=str(self.path), error=self.failure)
