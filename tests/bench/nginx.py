"""nginx as the benchmarks run it: one worker, a folder of its own, nothing logged."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bench import processes
from bench.sse_lines import PATH

_NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
_START_S = 10.0
_CONFIGURATION = """
{before}
daemon off;
worker_processes 1;
worker_rlimit_nofile {descriptors};
error_log stderr error;
pid {folder}/pid;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  keepalive_requests 10000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type application/json;
  {http}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    {server}
  }}
}}
"""
_NCHAN_SERVER = """
    location = %s { nchan_subscriber eventsource; nchan_subscriber_first_message newest; %s }
    location = /publish { nchan_publisher; nchan_message_buffer_length 20; nchan_message_timeout 10s; %s }
"""


@cache
def binary() -> str | None:
    """Return nginx, or None, having said so."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        print("nginx is not installed: measured without it")
    return found


@cache
def has_nchan() -> bool:
    """Return whether nginx and its module nchan are here."""
    if binary() is None:
        return False
    if not _NCHAN.exists():
        print("nchan is not installed (Debian: libnginx-mod-nchan): measured without it")
    return _NCHAN.exists()


@contextmanager
def nchan(port: int, redis_url: str | None, cores: processes.Cores) -> Iterator[list[int]]:
    """Serve a stream that is fed by POST; yields its process ids. With a Redis, every message goes through that."""
    channel = "nchan_channel_id bench;" + (" nchan_redis_pass bench;" if redis_url else "")
    upstream = f"upstream bench {{ nchan_redis_server {redis_url}; }}" if redis_url else ""
    with _running(
        port, cores, f"load_module {_NCHAN};",
        f"nchan_shared_memory_size 256M; {upstream}", _NCHAN_SERVER % (PATH, channel, channel),
    ) as pids:  # fmt: skip
        yield pids


@contextmanager
def a_file(port: int, path: str, content: bytes, cores: processes.Cores) -> Iterator[list[int]]:
    """Serve a file at ``path``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        Path(folder).chmod(0o755)
        with _running(port, cores, "", "sendfile on; tcp_nopush on;", f"root {folder};") as pids:
            yield pids


@contextmanager
def _running(port: int, cores: processes.Cores, before: str, http: str, server: str) -> Iterator[list[int]]:
    nginx = binary()
    assert nginx is not None
    limit = processes.raise_descriptor_limit()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "nginx.conf"
        as_user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(
            _CONFIGURATION.format(
                before=as_user + before,
                folder=folder,
                port=port,
                http=http,
                server=server,
                descriptors=limit,
                connections=limit - 100,
            )
        )
        with processes.program([nginx, "-p", folder, "-c", str(file)], cores=cores) as process:
            processes.listens(process, port)
            yield [process.pid, *_workers(process)]


def _workers(process: processes.Process) -> list[int]:
    """Return the workers: nginx listens before it has them."""
    deadline = time.monotonic() + _START_S
    while not (found := processes.children(process.pid)):
        assert time.monotonic() < deadline, "nginx has no worker"
        time.sleep(0.02)
    return found
