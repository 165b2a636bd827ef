"""The OpenAPI description: REST, the stream and its messages. Made from the messages themselves."""

from functools import cache
from typing import Any

import msgspec

from spark_gateway import examples
from spark_gateway.subscription import CHANNELS, DEFAULT_CHANNELS, DEFAULT_THROTTLE_MS, THROTTLES_MS
from spark_market import wire
from spark_market.instruments import Instrument
from spark_market.messages import Book, Gap, Goodbye, Health, Lagged, Ticker, Trade, VenueStatus

_STREAMED = (Ticker, Trade, Book, Gap, VenueStatus, Lagged, Health, Goodbye)
_REF = "#/components/schemas/"


def _title(cls: type) -> str:
    return f"{wire.TYPES[cls].capitalize()}Message"


@cache
def components() -> dict[str, Any]:
    """Return the schemas of all that the gateway answers with."""
    _, made = msgspec.json.schema_components([*_STREAMED, Instrument], ref_template=_REF + "{name}")
    schemas: dict[str, Any] = _with_numbers(made)
    for cls in _STREAMED:
        schemas[cls.__name__]["required"] = list(schemas[cls.__name__]["properties"])  # null, but always there
        schemas[_title(cls)] = {
            "type": "object",
            "properties": {
                "type": {"const": wire.TYPES[cls]},
                "data": {"$ref": _REF + cls.__name__},
            },
            "required": ["type", "data"],
        }
    schemas["Problem"] = {
        "type": "object",
        "description": "An RFC 9457 problem.",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "nearest": {"type": "array", "items": {"type": "string"}},
            "parameter": {"type": "string"},
            "accepts": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail"],
    }
    return schemas


def _with_numbers(schema: Any) -> Any:
    """Decimals are written as JSON numbers, which msgspec's schema does not know."""
    match schema:
        case {"type": "string", "format": "decimal", **rest}:
            return {"type": "number", **rest}
        case dict():
            return {key: _with_numbers(value) for key, value in schema.items()}
        case list():
            return [_with_numbers(item) for item in schema]
        case _:
            return schema


def _envelope(example: list[dict[str, Any]], *of: type) -> dict[str, Any]:
    messages = [{"$ref": _REF + _title(cls)} for cls in of]
    return {
        "schema": {
            "type": "object",
            "properties": {
                "venue": {"type": "string"},
                "cursor": {"type": "string", "description": "Where a stream goes on: its lastEventId."},
                "messages": {"type": "array", "items": messages[0] if len(messages) == 1 else {"oneOf": messages}},
            },
            "required": ["venue", "cursor", "messages"],
        },
        "example": {"venue": "btcturk", "cursor": examples.CURSOR, "messages": example},
    }


_BODIES: dict[str, dict[str, Any]] = {
    "ticker": {"schema": {"$ref": _REF + "TickerMessage"}, "example": examples.TICKER},
    "snapshot": _envelope([examples.TICKER], Ticker, Book),
    "book": _envelope([examples.BOOK], Book),
    "trades": _envelope([examples.TRADE], Trade),
    "symbols": {
        "schema": {
            "type": "object",
            "properties": {
                "venue": {"type": "string"},
                "instruments": {"type": "array", "items": {"$ref": _REF + "Instrument"}},
            },
            "required": ["venue", "instruments"],
        }
    },
    "healthz": {
        "schema": {
            "type": "object",
            "properties": {
                "venues": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "status": {"$ref": _REF + "Status"},
                            "stalenessSec": {"type": ["number", "null"]},
                            "mode": {"type": ["string", "null"], "enum": ["real", "delayed", "mock", None]},
                            "reason": {"type": "string"},
                            "since": {"type": "integer"},
                        },
                        "required": ["status", "stalenessSec", "mode", "reason", "since"],
                    },
                },
                "thresholds": {"type": "object", "properties": {"venueStalenessTarget": {"type": "number"}}},
            },
            "required": ["venues", "thresholds"],
        }
    },
}


def restore_examples(paths: dict[str, Any]) -> None:
    """Put the bodies back as they are: FastAPI leaves out what is null, which here says that there is nothing."""
    for name, body in _BODIES.items():
        path = paths.get(f"/api/market/{{venue}}/{name}")
        if path is not None:
            path["get"]["responses"]["200"]["content"]["application/json"] = body


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": {"$ref": _REF + "Problem"}}}}


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: _problem("No such venue or symbol; `nearest` has the nearest names."),
    422: _problem("A parameter cannot be used; the answer says what it accepts."),
    503: _problem("Nothing of this venue has reached the bus yet, or the gateway is stopping."),
}


def described(body: str, summary: str) -> dict[str, Any]:
    """Return what a route's decorator says of its answers."""
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "content": {"application/json": _BODIES[body]}}
    }
    return {"summary": summary, "responses": responses if body == "healthz" else responses | _PROBLEMS}


def _query(name: str, schema: dict[str, Any], text: str, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": text}


def stream_path() -> dict[str, Any]:
    """Return the description of the stream, which is no FastAPI route."""
    paces = ", ".join(map(str, THROTTLES_MS))
    messages = "\n".join(f"* `{wire.TYPES[cls]}`: {(cls.__doc__ or '').splitlines()[0]}" for cls in _STREAMED)
    return {
        "get": {
            "tags": ["market data"],
            "summary": "The live stream: Server-Sent Events.",
            "description": (
                "Opens with the current values (events without `id`), closed by a `health` that carries the first "
                "`id`; then changes, each with its own. Come back with `Last-Event-ID` and it goes on there. Each "
                "event is one message; all are unnamed, for `EventSource.onmessage`. A `book` without `previous` is a "
                "whole order book; any other changes the book whose `sequence` is its `previous`, and no other.\n\n"
                f"{messages}"
            ),
            "parameters": [
                {"name": "venue", "in": "path", "required": True, "schema": {"type": "string"}},
                _query("symbol", {"type": "string"}, "Symbols by comma, or * for all.", required=True),
                _query(
                    "channel",
                    {"type": "string", "default": ",".join(DEFAULT_CHANNELS)},
                    f"Channels by comma, of {', '.join(CHANNELS)}.",
                ),
                _query(
                    "throttle",
                    {"type": "integer", "minimum": 0, "maximum": 60000, "default": DEFAULT_THROTTLE_MS},
                    f"Newest value per symbol at most this often, in ms; rounded up to {paces}. Trades all come.",
                ),
                _query("lastEventId", {"type": "string"}, "For clients that cannot send the header, which beats it."),
                {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}},
            ],
            "responses": {
                "200": {
                    "description": "A stream of messages.",
                    "content": {
                        "text/event-stream": {
                            "schema": {
                                "type": "string",
                                "description": "Each event's data is one of these messages.",
                                "x-messages": [{"$ref": _REF + _title(cls)} for cls in _STREAMED],
                            },
                            "example": examples.STREAM,
                        }
                    },
                },
                "404": _PROBLEMS[404],
                "422": _PROBLEMS[422],
                "503": _PROBLEMS[503],
            },
        }
    }
