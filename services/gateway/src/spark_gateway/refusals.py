"""How a request is refused: a problem for most, a short stream with a goodbye for an ``EventSource``.

A browser's ``EventSource`` gives up for ever on any status but 200. So when it may come back, it gets a stream that
says when, and ends.
"""

import math
import random
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Scope

from spark_gateway.access import RateClass
from spark_gateway.events import event
from spark_gateway.problems import Problem
from spark_market.messages import Goodbye

RATE_WAIT_S: Final = (30.0, 60.0)
"""How long an EventSource over its rate is sent away: least, most."""
PLACE_WAIT_S: Final = (30.0, 120.0)
"""And one that no stream is left for."""
_POLICY: Final = "requests"
_QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"


def wants_events(scope: Scope) -> bool:
    """Return whether an EventSource, or what acts as one, is asking."""
    return any(name == b"accept" and b"text/event-stream" in value.lower() for name, value in scope["headers"])


def goodbye(reason: str, between_s: tuple[float, float]) -> Response:
    """Return a stream that says goodbye, and to come back within these seconds: never all at once."""
    retry_ms = random.randint(round(between_s[0] * 1000), round(between_s[1] * 1000))  # noqa: S311
    body = b"retry: %d\n\n" % retry_ms + event(Goodbye(reason=reason, retry=retry_ms))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(body, 200, headers, "text/event-stream; charset=utf-8")


def too_many_requests(rate: RateClass, wait_s: float) -> Response:
    """Return the 429 for one over its rate, with the fields of draft-ietf-httpapi-ratelimit-headers-10."""
    after_s = whole(wait_s)
    answer = Problem(
        429,
        "Too many requests",
        f"More than {rate.burst} requests at once, or {rate.requests_per_second:g} a second; wait {after_s} s",
        retry_after_s=after_s,
        type=_QUOTA_EXCEEDED,
        **{"violated-policies": [_POLICY]},
    ).response()
    # A bucket that holds the burst and fills at the rate is a quota of the burst for as long as filling it takes.
    answer.headers["RateLimit-Policy"] = f'"{_POLICY}";q={rate.burst};w={whole(rate.burst / rate.requests_per_second)}'
    answer.headers["RateLimit"] = f'"{_POLICY}";r=0;t={after_s}'
    return answer


def unauthorized(*, unknown: bool) -> Response:
    """Return the 401 for one without a key, or with one that is not known."""
    how = "send yours as Authorization: Bearer KEY, as X-API-Key: KEY, or as ?apiKey=KEY"
    detail = f"The API key is not known; {how}" if unknown else f"An API key is needed; {how}"
    answer = Problem(401, "Unknown API key" if unknown else "API key needed", detail).response()
    answer.headers["WWW-Authenticate"] = 'Bearer realm="spark"' + (', error="invalid_token"' if unknown else "")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def forbidden(venue: str) -> Problem:
    """Return the 403 for a venue that is not open to the client."""
    return Problem(
        403, "Venue not open", f"{venue[:40]!r} is not among the venues that are open to you", venue=venue[:40]
    )


def whole(seconds: float, most: int = 86_400) -> int:
    """Return whole seconds to wait, 1 at least: a header can say no less."""
    return max(1, min(most, math.ceil(seconds)))


def problem(status: int, title: str, detail: str, wait_s: float, **more: Any) -> Response:
    """Return a problem that passes by itself."""
    return Problem(status, title, detail, retry_after_s=whole(wait_s), **more).response()
