"""The HTTP application: which route is answered by what."""

import copy
import re
from collections.abc import Awaitable
from http import HTTPStatus
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_gateway import accessschemas, health, paths, rest, schemas
from spark_gateway.entrance import Entrance
from spark_gateway.history import History
from spark_gateway.hub import Hub
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.problems import Problem, bad_parameter
from spark_gateway.protocol import transport_of
from spark_gateway.shortcut import Shortcut, Tickers
from spark_gateway.stream import TRANSPORT, StreamEndpoint
from spark_service import version

_STREAMS = re.compile("/api/market(?:/([^/]+))?/stream")
"""With a venue or over venues."""
_PAGE_MAY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"


class Front:
    """Gives streams straight to their endpoint, and the rest to FastAPI, all of whose frames a stream would keep."""

    def __init__(self, app: ASGIApp, stream: StreamEndpoint) -> None:
        self._app = app
        self._stream = stream

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            found = _STREAMS.fullmatch(scope["path"])
            if found:
                scope[TRANSPORT] = transport_of(send)
                return self._stream(scope, found[1], receive, send)
        return self._app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET is answered; the server leaves the body out. A stream has no body to begin with."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["method"] == "HEAD" and not scope["path"].endswith("/stream"):
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class Page(StaticFiles):
    """The page's files: they use this gateway alone, and a browser asks whether they are still the newest."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the answer for one file."""
        response = await super().get_response(path, scope)
        response.headers["content-security-policy"] = _PAGE_MAY
        response.headers["cache-control"] = "no-cache"
        return response


def build(
    hub: Hub,
    stream: StreamEndpoint,
    past: History,
    metrics: GatewayMetrics,
    registry: CollectorRegistry,
    staleness_target_s: float,
    entrance: Entrance,
    *,
    with_admin: bool = True,
) -> ASGIApp:
    """Return the application; without the admin routes when they have a port of their own."""
    app: FastAPI = FastAPIOffline(
        title="Spark market data",
        version=version(),
        summary="Turkish markets for web front ends: live streams and current values.",
        redoc_url=None,
        redirect_slashes=False,  # an address is right, or the answer says what it should be
    )
    app.include_router(rest.routes(hub, past))
    app.include_router(health.routes(hub, staleness_target_s))
    app.include_router(health.probes(metrics))
    if with_admin:
        app.include_router(health.admin_routes(hub, registry))
    _answer_errors(app)
    _describe(app, list(hub.feeds), with_admin=with_admin)
    page = resources.files("spark_gateway").joinpath("page")
    # No mount: that would take every path for its own, and with it those of a route that only the method does not fit.
    app.router.default = Page(directory=str(page), html=True)
    tickers = Tickers(hub.feeds)
    cors = CORSMiddleware(Shortcut(HeadAsGet(app), tickers), **entrance.cors.middleware)
    return entrance.before(Front(Shortcut(cors, tickers, before_cors=True), stream))


def build_admin(hub: Hub, metrics: GatewayMetrics, registry: CollectorRegistry) -> ASGIApp:
    """Return the application of the admin port."""
    app = FastAPI(openapi_url=None)
    app.include_router(health.probes(metrics))
    app.include_router(health.admin_routes(hub, registry))
    _answer_errors(app)
    return app


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_failure)


def _describe(app: FastAPI, venues: list[str], *, with_admin: bool) -> None:
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            schema["paths"] = paths.described(venues, with_admin=with_admin)
            schema["components"] = {"schemas": copy.deepcopy(schemas.components())}
            accessschemas.describe(schema)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


async def _answer_problem(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, Problem)  # noqa: S101, it is registered for nothing else
    return exc.response()


async def _answer_invalid(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)  # noqa: S101, it is registered for nothing else
    first = exc.errors()[0]
    return bad_parameter(str(first["loc"][-1]), str(first.get("input", "")), first["msg"]).response()


async def _answer_http(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)  # noqa: S101, it is registered for nothing else
    headers = dict(exc.headers or {})
    if exc.status_code == 405:
        headers["Allow"] = "GET, HEAD"
        detail = "Everything here is read with GET or HEAD"
    else:
        detail = "There is nothing at this address; /docs lists what there is"
    problem = Problem(exc.status_code, HTTPStatus(exc.status_code).phrase, detail).response()
    problem.headers.update(headers)
    return problem


async def _answer_failure(_: Request, exc: Exception) -> JSONResponse:
    """Say that it is our fault; the error itself goes on to the log."""
    return Problem(500, "Internal error", "The gateway could not answer; its log says why").response()
