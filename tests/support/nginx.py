"""A real nginx in front of a server: a process with a folder of its own."""

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from support.docs import GATEWAY, examples
from support.eventually import eventually
from support.redis_server import free_port
from support.required import skip_or_fail

_CONFIGURATION = """
user {user};
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def plain(settings: str = "") -> str:
    """Return the shortest server there is, and what else it is told."""
    return f"server {{ listen 80; {settings} location / {{ proxy_pass {GATEWAY}; }} }}"


def documented() -> str:
    """Return the server that our documentation recommends."""
    [server] = examples("operations.md", "In front of the gateway", "nginx")
    return server


class Nginx:
    """Listens on a free port in place of 80 and leads to ``upstream`` in place of the gateway's usual port."""

    def __init__(self, server: str, upstream: int) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="spark-nginx-"))
        server = server.replace("listen 80;", f"listen 127.0.0.1:{self.port};")
        self._server = server.replace(GATEWAY, f"http://127.0.0.1:{upstream}")
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> "Nginx":
        self._process = self._start()
        await eventually(self._listens, 10, "nginx")
        return self

    def _start(self) -> subprocess.Popen[bytes]:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or skip_or_fail("no nginx")
        configuration = self._folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(user=getpass.getuser(), folder=self._folder, server=self._server), encoding="utf-8"
        )
        return subprocess.Popen(
            [program, "-p", self._folder, "-c", configuration, "-e", self._folder / "error.log"],
            stderr=subprocess.DEVNULL,
        )

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        if error is not None:
            print((self._folder / "error.log").read_text()[-3000:])
        self._process.terminate()
        await asyncio.to_thread(self._process.wait)
        shutil.rmtree(self._folder, ignore_errors=True)
