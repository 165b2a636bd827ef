"""The shapes of what the gateway answers with, for its OpenAPI description. Made from the messages themselves."""

from functools import cache
from typing import Any

import msgspec

from spark_gateway import examples
from spark_market import wire
from spark_market.instruments import Instrument
from spark_market.messages import Alarm, Book, Gap, Goodbye, Health, Lagged, Ticker, Trade, VenueStatus

STREAMED = (Ticker, Trade, Book, Gap, VenueStatus, Alarm, Lagged, Health, Goodbye)
_REF = "#/components/schemas/"

Schema = dict[str, Any]


def _title(cls: type) -> str:
    return f"{wire.TYPES[cls].capitalize()}Message"


def message(cls: type) -> Schema:
    """Return the reference to the schema of a message."""
    return {"$ref": _REF + _title(cls)}


@cache
def components() -> dict[str, Schema]:
    """Return the schemas of all that the gateway answers with."""
    _, made = msgspec.json.schema_components([*STREAMED, Instrument], ref_template=_REF + "{name}")
    schemas: dict[str, Schema] = _with_numbers(made)
    for cls in STREAMED:
        schemas[cls.__name__]["required"] = list(schemas[cls.__name__]["properties"])  # null, but always there
        schemas[_title(cls)] = {
            "type": "object",
            "properties": {
                "type": {"const": wire.TYPES[cls]},
                "data": {"$ref": _REF + cls.__name__},
            },
            "required": ["type", "data"],
            "examples": [example for example in examples.MESSAGES if example["type"] == wire.TYPES[cls]],
        }
    schemas["Instrument"]["examples"] = list(examples.INSTRUMENTS)
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


PROBLEM = {"$ref": _REF + "Problem"}
_CURSOR = "Where a stream goes on after this: its lastEventId."


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _messages(*of: type) -> Schema:
    kinds = [message(cls) for cls in of]
    return {"type": "array", "items": kinds[0] if len(kinds) == 1 else {"oneOf": kinds}}


def _envelope(*of: type) -> Schema:
    return _object(
        {
            "venue": {"type": "string"},
            "cursor": {"type": "string", "description": _CURSOR},
            "messages": _messages(*of),
        }
    )


_STANDING = _object(
    {
        "status": {"$ref": _REF + "Status"},
        "stalenessSec": {
            "type": ["number", "null"],
            "description": "Of the market's open time; null when the venue has never spoken.",
        },
        "mode": {"type": ["string", "null"], "enum": ["real", "delayed", "mock", None]},
        "reason": {"type": "string"},
        "since": {"type": "integer", "description": "ms UTC"},
        "delayMs": {"type": "integer", "description": "How late the source says it is; 0 for live data."},
    }
)

BODIES: dict[str, tuple[Schema, Any]] = {
    "ticker": (message(Ticker), examples.TICKER),
    "snapshot": (
        _envelope(Ticker, Book),
        {"venue": "btcturk", "cursor": examples.CURSOR, "messages": [examples.TICKER]},
    ),
    "book": (_envelope(Book), {"venue": "btcturk", "cursor": examples.CURSOR, "messages": [examples.BOOK]}),
    "trades": (_envelope(Trade), {"venue": "btcturk", "cursor": examples.CURSOR, "messages": [examples.TRADE]}),
    "history": (
        _object(
            {
                "venue": {"type": "string"},
                "cursor": {"type": ["string", "null"], "description": _CURSOR + " Null when this ends before now."},
                "from": {
                    "type": "integer",
                    "description": "From this time on (ms UTC), to the end of what was asked for, nothing is missing.",
                },
                "complete": {
                    "type": "boolean",
                    "description": "Whether this is all that was asked for; without `from`, all that the bus keeps.",
                },
                "before": {
                    "type": ["string", "null"],
                    "description": "Ask again with this for what is older; null when there is nothing to be had.",
                },
                "messages": _messages(Ticker, Trade, Gap),
            }
        ),
        examples.HISTORY,
    ),
    "symbols": (
        _object(
            {
                "venue": {"type": "string"},
                "instruments": {"type": "array", "items": {"$ref": _REF + "Instrument"}},
            }
        ),
        examples.SYMBOLS,
    ),
    "healthz": (
        _object(
            {
                "venues": {"type": "object", "additionalProperties": _STANDING},
                "thresholds": _object({"venueStalenessTarget": {"type": "number", "description": "Seconds."}}),
            }
        ),
        examples.HEALTHZ,
    ),
    "alarms": (
        _object(
            {
                "open": {**_messages(Alarm), "description": "What is wrong now, newest first."},
                "recent": {
                    "type": "array",
                    "description": "What was told last, newest first.",
                    "items": _object(
                        {
                            "toldAt": {"type": "integer", "description": "ms UTC, by the clock of the bus"},
                            "message": message(Alarm),
                        }
                    ),
                },
            }
        ),
        examples.ALARMS,
    ),
    "version": (_object({"name": {"type": "string"}, "version": {"type": "string"}}), examples.VERSION),
    "venue metrics": (
        {
            "type": "object",
            "properties": {"spark_venue_status": {"type": "object", "additionalProperties": {"type": "string"}}},
            "additionalProperties": {"type": ["number", "null"]},
        },
        examples.VENUE_METRICS,
    ),
}
"""What the routes answer with, as JSON, each with an example."""

EVENT = {
    "type": "object",
    "description": "One event. It has no name, so that a plain `EventSource.onmessage` sees every type.",
    "properties": {
        "id": {"type": "string", "description": "Where to go on: `Last-Event-ID` when coming back."},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"oneOf": [message(cls) for cls in STREAMED]},
        },
        "retry": {"type": "string", "description": "How long to wait before coming back, ms."},
    },
}
"""What a stream is made of."""
