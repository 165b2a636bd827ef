"""What the OpenAPI description says of access and limits: the keys, and how a request is refused."""

from typing import Any, Final

_MARKET: Final = "/api/market/"
_KEYS: Final[dict[str, dict[str, str]]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "apiKey", "description": "For an EventSource."},
}  # fmt: skip
_TEXT: Final = {"schema": {"type": "string"}}
_HEADERS: Final = {"401": ("WWW-Authenticate",), "429": ("RateLimit", "RateLimit-Policy")}


def describe(schema: dict[str, Any]) -> None:
    """Add them to the description."""
    schema["components"]["securitySchemes"] = _KEYS
    properties = schema["components"]["schemas"]["Problem"]["properties"]
    properties["venue"] = {"type": "string"}
    properties["violated-policies"] = {"type": "array", "items": {"type": "string"}}
    for path, methods in schema["paths"].items():
        if path.startswith(_MARKET):
            for operation in methods.values():
                operation["security"] = [{}, *({name: []} for name in _KEYS)]
                for status, names in _HEADERS.items():
                    headers = operation["responses"][status].setdefault("headers", {})
                    operation["responses"][status]["headers"] = headers | dict.fromkeys(names, _TEXT)
