"""A JSON answer of a server that may not be there yet, for tests that have no event loop."""

import http.client
import json
from typing import Any


def answered(port: int, path: str) -> Any:
    """Return the JSON that a server of this machine answers with, or None while it has none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
