"""Errors as RFC 9457 problem details: what is wrong, and what would be right."""

import difflib
from collections.abc import Iterable
from typing import Any

from fastapi.responses import JSONResponse


class Problem(Exception):
    """A request that cannot be served; becomes the answer."""

    def __init__(self, status: int, title: str, detail: str, *, retry_after_s: int | None = None, **more: Any) -> None:
        super().__init__(detail)
        self._status = status
        self._body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
        # Caches may keep a 404 or 410 unless told not to; browsers may take what an answer quotes for a page.
        self._headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        if retry_after_s is not None:
            self._headers["Retry-After"] = str(retry_after_s)

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self._body, self._status, self._headers, media_type="application/problem+json")


def unknown(what: str, name: str, known: Iterable[str]) -> Problem:
    """Return the 404 for a venue or symbol, with the nearest names there are."""
    names = list(known)
    by_folded = {item.casefold(): item for item in names}
    near = [by_folded[item] for item in difflib.get_close_matches(name[:100].casefold(), by_folded, n=3, cutoff=0.5)]
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return Problem(404, f"Unknown {what}", f"There is no {what} {name[:100]!r} here{hint}", nearest=near)


def bad_parameter(name: str, value: str, accepts: str) -> Problem:
    """Return the 422 for a query parameter."""
    return Problem(
        422, "Bad parameter", f"{name}={value[:100]!r} cannot be used: {accepts}", parameter=name, accepts=accepts
    )
