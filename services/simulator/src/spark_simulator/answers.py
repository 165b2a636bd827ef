"""HTTP answers: JSON whose numbers are exactly the digits that were meant, compressed for who can read that."""

from typing import Any

import msgspec
from aiohttp import hdrs, web


def exact(digits: str) -> msgspec.Raw:
    """Return a JSON number of exactly these digits; a float would not keep them."""
    return msgspec.Raw(digits.encode())


def answer(request: web.Request, body: Any, status: int = 200) -> web.Response:
    """Return ``body`` as JSON."""
    response = web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response
