"""The OpenAPI description of every route: what it takes, what it answers, and with which errors."""

from collections.abc import Sequence
from typing import Any

from spark_gateway import examples
from spark_gateway.past import TICKS
from spark_gateway.requests import (
    DEFAULT_ALARMS,
    DEFAULT_TICKS,
    DEFAULT_TRADES,
    LAST_MS,
    MOST_ALARMS,
    MOST_LEVELS,
    MOST_SYMBOLS,
    MOST_TICKS,
    MOST_TRADES,
    SYMBOL,
)
from spark_gateway.schemas import BODIES, EVENT, PROBLEM, STREAMED, Schema
from spark_gateway.subscription import CHANNELS, CURRENT_CHANNELS, DEFAULT_CHANNELS, DEFAULT_THROTTLE_MS, THROTTLES_MS
from spark_market import wire

_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=1.0.0; charset=utf-8"
_SAYS = {
    401: "The key is not known, or one is needed and there is none.",
    403: "The key is not for this venue.",
    404: "No such venue or symbol, `nearest` has the nearest names; or nothing is known of it right now.",
    422: "A parameter cannot be used; the answer says what it accepts.",
    429: "Too many requests.",
    503: "Not now: nothing of this venue has reached the bus yet, too many ask, or the gateway is stopping.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_TAG = {"ETag": {"description": "Send it back as If-None-Match, for a 304.", "schema": {"type": "string"}}}


def _responses(ok: dict[str, Any], *problems: int) -> dict[str, Any]:
    found = {"200": ok}
    if "ETag" in ok.get("headers", {}):
        found["304"] = {"description": "What you hold is what you would get.", "headers": _TAG}
    for status in problems:
        content = {"schema": PROBLEM, "example": examples.PROBLEMS[status]}
        found[str(status)] = {"description": _SAYS[status], "content": {"application/problem+json": content}}
        if status in (429, 503):
            found[str(status)]["headers"] = _RETRY_AFTER
    return found


def _json(body: str, text: str) -> dict[str, Any]:
    schema, example = BODIES[body]
    return {"description": text, "content": {"application/json": {"schema": schema, "example": example}}}


def _text(content_type: str, example: str, text: str) -> dict[str, Any]:
    return {"description": text, "content": {content_type: {"schema": {"type": "string"}, "example": example}}}


def _query(name: str, schema: Schema, text: str, *, required: bool = False, example: Any = None) -> dict[str, Any]:
    shown = {} if example is None else {"example": example}
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": text, **shown}


def _whole_number(name: str, most: int, text: str, default: int | None = None) -> dict[str, Any]:
    schema: Schema = {"type": "integer", "minimum": 1, "maximum": most}
    return _query(name, schema if default is None else {**schema, "default": default}, text)


def _channels(of: Sequence[str], default: Sequence[str]) -> dict[str, Any]:
    one = "|".join(of)
    schema = {"type": "string", "pattern": f"^({one})(,({one}))*$", "default": ",".join(default)}
    return _query("channel", schema, f"Channels by comma, of {', '.join(of)}.")


def _time(name: str, text: str) -> dict[str, Any]:
    return _query(name, {"type": "integer", "minimum": 0, "maximum": LAST_MS}, text)


_ONE = {"type": "string", "pattern": f"^{SYMBOL.pattern}$"}
_SOME = {"type": "string", "pattern": rf"^(\*|{SYMBOL.pattern}(,{SYMBOL.pattern}){{0,{MOST_SYMBOLS - 1}}})$"}
_SYMBOL = _query("symbol", _ONE, "A symbol such as BTC_TRY or THYAO.", required=True, example="BTC_TRY")
_SYMBOLS = _query("symbol", {**_SOME, "default": "*"}, "Symbols by comma, or * for all.", example="BTC_TRY")
_BEFORE = {"type": "string", "pattern": "^[a-z][a-z0-9]{0,31}\\.[0-9a-f]{1,32}\\.[0-9]{1,16}-[0-9]{1,16}$"}
_ADMIN = ("/metrics", "/api/tools/metrics")
_THROTTLE: Schema = {"type": "integer", "minimum": 0, "maximum": THROTTLES_MS[-1], "default": DEFAULT_THROTTLE_MS}

_MARKET = {
    "ticker": ("The current ticker of one symbol.", "", [_SYMBOL]),
    "snapshot": (
        "All current values at one position of the stream.",
        "",
        [_SYMBOLS, _channels(CURRENT_CHANNELS, DEFAULT_CHANNELS)],
    ),
    "book": (
        "The order book of one symbol at a position of the stream.",
        "",
        [_SYMBOL, _whole_number("depth", MOST_LEVELS, "Levels a side; all by default.")],
    ),
    "trades": (
        "The last trades that this gateway has in memory, oldest first.",
        "",
        [_SYMBOLS, _whole_number("last", MOST_TRADES, "How many at most.", DEFAULT_TRADES)],
    ),
    "history": (
        "The ticks of one symbol, as far back as the bus keeps them, oldest first.",
        "With the gaps that touch them: in between something may be missing. Times are those of the bus, which come "
        "after `receivedAt`, as a rule by milliseconds. The newest come first: where `complete` is false, `from` says "
        "how far back this goes without a hole, and `before` asks for the page before it. `complete` false without a "
        "`before` says that the rest is gone: trimmed, or of another epoch.",
        [
            _SYMBOL,
            _channels(TICKS, TICKS),
            _time("from", "From this time on, ms UTC."),
            _time("to", "Up to this time, ms UTC."),
            _whole_number("last", MOST_TICKS, "How many at most, the newest.", DEFAULT_TICKS),
            _query("before", _BEFORE, "The `before` of an answer: what came before all that is in it."),
        ],
    ),
    "symbols": ("The instruments that the venue's ingest carries.", "", []),
}


def described(venues: Sequence[str], *, with_admin: bool) -> dict[str, Any]:
    """Return the description of all routes of a gateway for these venues, with or without those of the admin port."""
    venue = {"name": "venue", "in": "path", "required": True, "schema": {"type": "string", "enum": list(venues)}}
    problems = dict.fromkeys(_MARKET, (404, 422, 503)) | {"symbols": (404, 503)}
    market = {
        f"/api/market/{{venue}}/{name}": {
            "get": {
                "tags": ["market data"],
                "operationId": name,
                "summary": summary,
                **({"description": text} if text else {}),
                "parameters": [venue, *parameters],
                "responses": _responses(
                    {**_json(name, summary), "headers": _TAG}, *sorted([401, 403, 429, *problems[name]])
                ),
            }
        }
        for name, (summary, text, parameters) in _MARKET.items()
    }
    some = _query("symbol", _SOME, "Symbols by comma, or * for all.", required=True, example="BTC_TRY")
    streams = {
        "/api/market/{venue}/stream": {"get": _stream("stream", "The live stream of a venue.", venue, some)},
        "/api/market/stream": {
            "get": _stream("stream_over_venues", "A live stream over venues.", _instruments(venues))
        },
    }
    operations = {path: said for path, said in _operations(venues).items() if with_admin or path not in _ADMIN}
    return {**market, **streams, **operations}


def _instruments(venues: Sequence[str]) -> dict[str, Any]:
    one = rf"({'|'.join(venues)}):{SYMBOL.pattern}"
    all_of_one = rf"({'|'.join(venues)}):\*"
    schema = {"type": "string", "pattern": f"^({all_of_one}|{one}(,{one})*)$"}
    text = f"Up to {MOST_SYMBOLS} instruments by comma, each with its venue; {venues[0]}:* for all of one."
    return _query("instrument", schema, text, required=True, example=f"{venues[0]}:BTC_TRY")


def _stream(name: str, summary: str, *which: dict[str, Any]) -> dict[str, Any]:
    paces = ", ".join(map(str, THROTTLES_MS))
    messages = "\n".join(f"* `{wire.TYPES[cls]}`: {(cls.__doc__ or '').splitlines()[0]}" for cls in STREAMED)
    last_event_id = {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}}
    return {
        "tags": ["market data"],
        "operationId": name,
        "summary": f"{summary} Server-Sent Events.",
        "description": (
            "Opens with the current values (events without `id`), closed by a `health` that carries the first "
            "`id`; then changes, each with its own. Come back with `Last-Event-ID` and it goes on there. Each "
            "event is one message; all are unnamed, for `EventSource.onmessage`. A `book` without `previous` is a "
            "whole order book; any other changes the book whose `sequence` is its `previous`, and no other. An "
            "`id` has a position in each venue of the stream.\n\n"
            f"{messages}"
        ),
        "parameters": [
            *which,
            _channels(CHANNELS, DEFAULT_CHANNELS),
            _query(
                "throttle",
                _THROTTLE,
                f"Newest value per symbol at most this often, in ms; rounded up to {paces}. Trades all come.",
            ),
            _query("lastEventId", {"type": "string"}, "For clients that cannot send the header, which beats it."),
            last_event_id,
        ],
        "responses": _responses(
            {
                "description": "A stream of messages.",
                "content": {"text/event-stream": {"schema": EVENT, "example": examples.STREAM}},
            },
            *(401, 403, 404, 422, 429, 503),
        ),
    }


def _operations(venues: Sequence[str]) -> dict[str, Any]:
    """Return the description of the routes for operators and their tools."""

    def get(name: str, summary: str, responses: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
        return {
            "get": {
                "tags": ["operations"],
                "operationId": name,
                "summary": summary,
                "parameters": list(parameters),
                "responses": responses,
            }
        }

    health = "Whether each venue's feed can be believed right now."
    venue_metrics = "The venues' metrics, for those who scrape the gateway."
    build, alive = "Which build this is.", "The process is alive."
    ready, own = "The bus was reached, and it is not stopping.", "This process's own metrics, for Prometheus."
    as_text = _text(_METRICS, examples.VENUE_METRICS_TEXT, venue_metrics)
    as_json = _json("venue metrics", venue_metrics)
    form = _query("format", {"type": "string", "enum": ["prometheus", "json"], "default": "prometheus"}, "Which form.")
    both = {**as_text, "content": as_text["content"] | as_json["content"]}
    not_ready = _text(_TEXT, "not ready\n", "The bus was not reached yet, or the gateway is stopping.")
    alarms = "What is wrong with the venues, and what was told last."
    which = _query("venue", {"type": "string", "enum": list(venues)}, "One venue; all by default.")
    last = _whole_number("last", MOST_ALARMS, "How many of those told last, at most.", DEFAULT_ALARMS)
    told = {**_json("alarms", alarms), "headers": _TAG}
    return {
        "/api/alarms": get("alarms", alarms, _responses(told, 401, 403, 404, 422, 429), which, last),
        "/api/healthz": get("healthz", health, _responses(_json("healthz", health))),
        "/api/tools/metrics": get("venue_metrics", venue_metrics, _responses(both, 422), form),
        "/api/version": get("version", build, _responses(_json("version", build))),
        "/livez": get("livez", alive, _responses(_text(_TEXT, "alive\n", alive))),
        "/readyz": get("readyz", ready, {**_responses(_text(_TEXT, "ready\n", ready)), "503": not_ready}),
        "/metrics": get("metrics", own, _responses(_text(_METRICS, examples.METRICS_TEXT, own))),
    }
