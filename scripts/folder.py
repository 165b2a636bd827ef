"""The folder that one running platform keeps its state in, and the lock that keeps a second one out of it."""

import fcntl
from pathlib import Path


class Running(Exception):
    """A platform runs in this folder; ``pid`` is the process to signal."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"already running here as process {pid}; stop it with Ctrl-C or make down")
        self.pid = pid


class Folder:
    """State of one `make up`: configuration, logs, and the data of its own Redis."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.log = self.path / "log"
        self.redis = self.path / "redis"

    def claim(self, pid: int) -> None:
        """Take the folder for process ``pid`` until it ends, however it ends. Raises Running."""
        self.log.mkdir(parents=True, exist_ok=True)
        # Kept open on purpose: the kernel gives the lock back when this process is gone, so none is ever stale.
        self._lock = (self.path / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = int(self._lock.read() or 0)
            self._lock.close()
            raise Running(holder) from None
        self._lock.truncate(0)
        self._lock.write(str(pid))
        self._lock.flush()
