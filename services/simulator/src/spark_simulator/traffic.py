"""What the simulator was asked: requests by path, upgrades accepted and refused."""

from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web


class Traffic:
    """Counts; `counted` is the middleware that feeds it."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.accepted = 0
        self.refused = 0

    @web.middleware
    async def counted(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Count the request under the fixed part of its route: unknown paths, which have none, all under ``/``."""
        resource = request.match_info.route.resource
        self.requests[resource.canonical.partition("{")[0] if resource else "/"] += 1
        return await handler(request)
