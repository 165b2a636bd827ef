"""What a service prints while it runs: its logs as they are configured in earnest."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

import structlog

from spark_service import logs


class Printed(io.StringIO):
    """The text on standard error."""

    def warnings(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.getvalue().splitlines()]
        return [line for line in lines if line["level"] == "warning"]


@contextmanager
def printed_logs() -> Iterator[Printed]:
    """Configure logs as a service does, while the context lasts, and keep what they print."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    text = Printed()
    with redirect_stderr(text):
        logs.configure("test", "debug")
        try:
            yield text
        finally:
            root.handlers, root.level = handlers, level
            structlog.contextvars.clear_contextvars()
