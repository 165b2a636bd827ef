"""Which sites' pages may read the answers: a list of origins, or every site."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator
from starlette.responses import Response
from starlette.types import Scope

from spark_service.settings import CommaList

ANY: Final = "*"
ALLOWED: Final = ("Last-Event-ID", "Authorization", "X-API-Key", "If-None-Match")
"""Header fields that a page may send."""
EXPOSED: Final = ("RateLimit", "RateLimit-Policy", "Retry-After", "ETag")
"""Header fields that a page may read."""
_ORIGIN: Final = re.compile(r"https?://([a-z0-9.\-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def _checked(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not origins:
        raise ValueError("it names none")
    for origin in origins:
        if origin == ANY and len(origins) > 1:
            raise ValueError("* is every origin already; leave the others out")
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: scheme and host in small letters, a port if any, no path")
    return origins


Origins = Annotated[CommaList, AfterValidator(_checked)]


class Cors:
    """The same answer for the routes and for streams, which write their headers themselves. No cookie is ever used."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)
        self.middleware: dict[str, Any] = {
            "allow_origins": list(origins),
            "allow_methods": ["GET"],
            "allow_headers": list(ALLOWED),
            "expose_headers": list(EXPOSED),
        }
        """What Starlette's CORSMiddleware is made with."""

    def headers(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """Return the header fields of an answer to a page of ``origin``, as sent; None when no page asks."""
        if self._any:
            return _ANY_MAY_READ
        if origin in self._origins and origin is not None:
            return [(b"access-control-allow-origin", origin), _EXPOSE, _VARY]
        return [_VARY]  # a cache must not give one site's answer to another

    def of(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the header fields of the answer to a request."""
        if self._any:
            return _ANY_MAY_READ
        return self.headers(next((value for name, value in scope["headers"] if name == b"origin"), None))

    def on(self, answer: Response, scope: Scope) -> Response:
        """Return an answer with the header fields, so that a page can read why it is refused."""
        answer.raw_headers.extend(self.of(scope))
        return answer


_EXPOSE = (b"access-control-expose-headers", ", ".join(EXPOSED).encode())
_VARY = (b"vary", b"Origin")
_ANY_MAY_READ = [(b"access-control-allow-origin", b"*"), _EXPOSE]
