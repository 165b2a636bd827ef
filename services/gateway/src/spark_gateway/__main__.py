"""The gateway: wires the bus to the HTTP application, and both to one life."""

import asyncio
import contextlib
import socket

import uvicorn

from spark_bus.connection import connect
from spark_gateway.app import build
from spark_gateway.history import MOST_READS, History
from spark_gateway.hub import Hub
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.resume import Opening
from spark_gateway.settings import GatewaySettings
from spark_gateway.stream import StreamEndpoint
from spark_service import process
from spark_service.lifecycle import CannotStart, end, run
from spark_service.redis_url import address

_GRACE_S = 2
_BACKLOG = 4096


class Server(uvicorn.Server):
    """Ends the streams first when it stops: uvicorn would wait for them, and they never end by themselves."""

    def __init__(self, config: uvicorn.Config, stream: StreamEndpoint, metrics: GatewayMetrics) -> None:
        super().__init__(config)
        self._stream = stream
        self._metrics = metrics

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, say goodbye, and let the rest finish."""
        self._metrics.draining = True
        self._stream.end_all("shutdown")
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Signals are the lifecycle's."""
        yield


async def main(settings: GatewaySettings) -> None:
    """Serve until cancelled."""
    registry = process.registry()
    metrics = GatewayMetrics(registry)
    url = settings.redis_url.get_secret_value()
    redis, redis_for_replays = connect(url), connect(url, most_connections=4)
    redis_for_histories = connect(url, most_connections=MOST_READS)
    hub = Hub(redis, settings.venues, metrics, address(settings.redis_url))
    stream = StreamEndpoint(hub, Opening(hub, redis_for_replays, metrics), metrics)
    app = build(hub, stream, History(redis_for_histories, metrics), metrics, registry, settings.staleness_target_s)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_S,
    )
    listening = _listen(settings.host, settings.port)
    server = Server(config, stream, metrics)
    serving = asyncio.create_task(server.serve([listening]))
    following = asyncio.create_task(hub.run())
    try:
        await asyncio.wait({serving, following}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        await asyncio.wait({serving})
        await end([following])
        await redis.aclose()
        await redis_for_replays.aclose()
        await redis_for_histories.aclose()
    for task in (serving, following):
        if not task.cancelled():
            task.result()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=False)
    except OSError as exc:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({exc.strerror}); stop what uses it or set SPARK_GATEWAY_PORT"
        ) from exc
    listening.setblocking(False)
    return listening


if __name__ == "__main__":
    run("gateway", GatewaySettings, main)
