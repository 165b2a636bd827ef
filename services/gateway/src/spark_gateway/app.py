"""The HTTP application: which route is answered by what."""

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
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_gateway import health, paths, rest, schemas
from spark_gateway.history import History
from spark_gateway.hub import Hub
from spark_gateway.member import transport_of
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.problems import Problem, bad_parameter
from spark_gateway.shortcut import Shortcut
from spark_gateway.stream import TRANSPORT, StreamEndpoint
from spark_service import version

_STREAM = "/api/market/{venue}/stream"
_PAGE_MAY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"


class WithTransport:
    """Leaves the socket in the scope before any middleware wraps ``send``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            scope[TRANSPORT] = transport_of(send)
        await self._app(scope, receive, send)


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
) -> ASGIApp:
    """Return the application."""
    app: FastAPI = FastAPIOffline(
        title="Spark market data",
        version=version(),
        summary="Turkish markets for web front ends: live streams and current values.",
        redoc_url=None,
        redirect_slashes=False,  # an address is right, or the answer says what it should be
    )
    app.router.routes.append(Route(_STREAM, stream, methods=["GET"], include_in_schema=False))
    app.include_router(rest.routes(hub, past))
    app.include_router(health.routes(hub, metrics, registry, staleness_target_s))
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_failure)
    _describe(app, list(hub.feeds))
    page = resources.files("spark_gateway").joinpath("page")
    # No mount: that would take every path for its own, and with it those of a route that only the method does not fit.
    app.router.default = Page(directory=str(page), html=True)
    # Public data, GET only, no cookies: any site's front end may read it.
    cors = CORSMiddleware(
        Shortcut(HeadAsGet(app), hub.feeds),
        allow_origins=["*"],
        allow_methods=["GET"],
        allow_headers=["Last-Event-ID", "If-None-Match"],
        expose_headers=["ETag", "Retry-After"],
    )
    return WithTransport(Shortcut(cors, hub.feeds, before_cors=True))


def _describe(app: FastAPI, venues: list[str]) -> None:
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            schema["paths"] = paths.described(venues)
            schema["components"] = {"schemas": schemas.components()}
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
