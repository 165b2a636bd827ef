"""REST that does not answer as it should: limits, outages, pages of HTML, and no answer for a long time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import hdrs, web

from spark_simulator.answers import answer
from spark_simulator.commands import RefuseRest
from spark_simulator.faults import Faults

_BELOW = "/btcturk/api/"
_LOOK_AGAIN_S = 0.05
_PAGE = "<!DOCTYPE html>\n<html><head><title>503 Service Temporarily Unavailable</title></head><body></body></html>\n"
_LIMIT: dict[str, Any] = {
    "message": "TOO_MANY_REQUESTS",
    "success": False,
    "code": 429,
    "details": "Quota exceeded. Maximum allowed: 120 per 1m.",
    "limit": "120",
    "period": "1m",
    "policy": "ip",
}
_UNAVAILABLE: dict[str, Any] = {"data": None, "success": False, "message": "SERVICE_UNAVAILABLE", "code": 503}
_ERROR: dict[str, Any] = {
    "data": None,
    "success": False,
    "message": "SYSTEM_ERROR",
    "code": 1000,
    "extensions": None,
}


class RestFaults:
    """`applied` is the middleware."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    @web.middleware
    async def applied(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer in the place of REST while it is to be refused."""
        fault = self._fault(request)
        if fault is None:
            return await handler(request)
        if fault.how != "timeout":
            return _refusal(request, fault)
        while self._fault(request) is fault:  # noqa: ASYNC110 - it passes by the clock, which tells nobody
            await asyncio.sleep(_LOOK_AGAIN_S)
        return await handler(request)

    def _fault(self, request: web.Request) -> RefuseRest | None:
        fault = self._faults.rest.current
        if fault is None or not request.path.startswith(_BELOW):
            return None
        return fault if fault.path is None or request.path.endswith("/" + fault.path) else None


def _refusal(request: web.Request, fault: RefuseRest) -> web.Response:
    match fault.how:
        case "limit":
            response = answer(request, _LIMIT, status=429)
        case "html":
            response = web.Response(text=_PAGE, content_type="text/html", status=503)
        case "error":
            response = answer(request, _ERROR)
        case _:
            response = answer(request, _UNAVAILABLE, status=503)
    if fault.retry_after is not None:
        response.headers[hdrs.RETRY_AFTER] = str(fault.retry_after)
    return response
