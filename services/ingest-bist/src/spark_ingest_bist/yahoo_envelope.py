"""What Yahoo's answers are wrapped in: whether it gives anything at all, and where the rows are.

``{"spark":{"result":[{"symbol":…,"response":[ROW]}]}}``, ``{"chart":{"result":[ROW]}}`` and ``{"THYAO.IS":ROW,…}``.
Each number is read as the very text it was written with, so that no digit passes through a binary float.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from spark_ingest_bist.quotes import MalformedAnswer, Refused
from spark_ingest_bist.symbols import from_yahoo

_REFUSALS: Final = {400: "rejected", 401: "forbidden", 403: "forbidden", 404: "unknown", 429: "limited", 999: "limited"}
_CODES: Final = {
    "not found": "unknown",
    "bad request": "rejected",
    "argument error": "rejected",
    "unauthorized": "forbidden",
    "forbidden": "forbidden",
    "too many requests": "limited",
}
_ENVELOPES: Final = ("spark", "chart", "finance")


class NotFound(Refused):
    """It says itself that it has nothing of what was asked for; a bare 404 may be a path that is gone."""


def rows_of(status: int, body: bytes) -> list[tuple[Any, Any]]:
    """Return the rows of an answer, each with what the envelope calls it (None when it does not).

    Raises Refused for any status but those of success, and for an error within the envelope; MalformedAnswer with
    ``html``, ``not_json`` or ``shape``.
    """
    if status == 404:
        _look_for_error(body)
    if not 200 <= status < 300:
        raise Refused(_refusal(status), f"HTTP {status}: {body[:80]!r}")
    document = _parsed(body)
    if not isinstance(document, dict):
        raise MalformedAnswer("shape", f"no object: {body[:80]!r}")
    for name in _ENVELOPES:
        if name in document:
            return list(_enveloped(name, document[name]))
    if any(from_yahoo(key) for key in document):
        return list(document.items())
    raise MalformedAnswer("shape", f"no envelope that is known: {body[:80]!r}")


def _refusal(status: int) -> str:
    return _REFUSALS.get(status, "rejected" if 400 <= status < 500 else "unavailable")


def _look_for_error(body: bytes) -> None:
    with suppress(MalformedAnswer):
        document = _parsed(body)
        for name in _ENVELOPES:
            if isinstance(document, dict) and name in document:
                list(_enveloped(name, document[name]))


def _parsed(body: bytes) -> Any:
    if body.lstrip()[:1] == b"<":
        raise MalformedAnswer("html", f"a page: {body[:80]!r}")
    try:
        return json.loads(body.decode(), parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as exc:
        raise MalformedAnswer("not_json", f"{exc!s:.80}: {body[:80]!r}") from exc


def _enveloped(name: str, envelope: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(envelope, dict):
        raise MalformedAnswer("shape", f"{name} is no object: {envelope!r:.80}")
    if envelope.get("error"):
        raise _refused(envelope["error"])
    result = envelope.get("result")
    if not isinstance(result, list):
        raise MalformedAnswer("shape", f"{name} has no list of results: {result!r:.80}")
    for row in result:
        if name == "spark" and isinstance(row, dict):
            parts = row.get("response")
            yield row.get("symbol"), parts[0] if isinstance(parts, list) and parts else None
        else:
            yield None, row


def _refused(error: Any) -> Refused:
    code = error.get("code") if isinstance(error, dict) else error
    known = _CODES.get(code.lower(), "unavailable") if isinstance(code, str) else "unavailable"
    return (NotFound if known == "unknown" else Refused)(known, f"{error!r:.120}")
