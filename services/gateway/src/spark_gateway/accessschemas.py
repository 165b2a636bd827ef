"""What the OpenAPI description says of access and limits: the keys, and how a request is refused."""

from typing import Any, Final

_MARKET: Final = "/api/market/"
_KEYS: Final[dict[str, dict[str, str]]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "apiKey", "description": "For an EventSource."},
}  # fmt: skip
_SECONDS: Final = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}
_TEXT: Final = {"schema": {"type": "string"}}


def describe(schema: dict[str, Any]) -> None:
    """Add them to the description."""
    schema["components"].setdefault("securitySchemes", {}).update(_KEYS)
    properties = schema["components"]["schemas"]["Problem"]["properties"]
    properties["venue"] = {"type": "string"}
    properties["violated-policies"] = {"type": "array", "items": {"type": "string"}}
    for path, methods in schema["paths"].items():
        if path.startswith(_MARKET):
            for operation in methods.values():
                operation["security"] = [{}, *({name: []} for name in _KEYS)]
                operation["responses"].update(_refusals())


def _refusals() -> dict[str, Any]:
    limited = _problem("Over the limit. An `EventSource` gets a stream with a `goodbye` instead.")
    limited["headers"] = {"Retry-After": _SECONDS, "RateLimit": _TEXT, "RateLimit-Policy": _TEXT}
    unauthorized = _problem("An API key is needed, or the one sent is not known.")
    unauthorized["headers"] = {"WWW-Authenticate": _TEXT}
    return {"401": unauthorized, "403": _problem("The venue is not open to this client."), "429": limited}


def _problem(text: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": text, "content": content}
