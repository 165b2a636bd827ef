"""The description: it names every route there is, and every example in it is one that could come."""

import re
from typing import Any

import msgspec
import pytest
from fastapi.openapi.utils import get_openapi

from spark_gateway import examples
from spark_gateway.paths import described
from spark_gateway.schemas import components
from spark_market import wire
from spark_market.instruments import Instrument
from support.examples import VENUE

from .application import an_application, layers

PATHS = described([VENUE], with_admin=True)
OPERATIONS = {path: operation["get"] for path, operation in PATHS.items()}


def test_every_route_is_described_and_nothing_else() -> None:
    *_, app = layers(an_application())
    there = set(get_openapi(title="x", version="1", routes=app.routes)["paths"])

    assert there | {"/api/market/{venue}/stream", "/api/market/stream"} == set(OPERATIONS)


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_answer_and_error_has_an_example(path: str) -> None:
    for status, answer in OPERATIONS[path]["responses"].items():
        if status == "304":
            assert "content" not in answer
            continue
        for content_type, content in answer["content"].items():
            assert "example" in content, (status, content_type)
            if content_type == "application/problem+json":
                assert content["example"]["status"] == int(status)


@pytest.mark.parametrize("path", [path for path in OPERATIONS if path.startswith("/api/market/")])
def test_market_data_may_be_refused_limited_or_not_there(path: str) -> None:
    assert {"401", "403", "404", "429", "503"} <= set(OPERATIONS[path]["responses"])


@pytest.mark.parametrize(
    "example", examples.MESSAGES, ids=lambda example: f"{example['type']} {example['data'].get('venue', '')}"
)
def test_a_message_shown_is_a_message(example: dict[str, Any]) -> None:
    """Read and written again it is the same, so that it has all fields, and no other."""
    message = wire.decode(msgspec.json.encode(example))
    assert message is not None
    assert msgspec.json.decode(wire.encode(message)) == example
    schema = components()[example["type"].capitalize() + "Message"]
    assert example in schema["examples"]
    assert {shown["type"] for shown in schema["examples"]} == {example["type"]}


@pytest.mark.parametrize("example", examples.INSTRUMENTS, ids=lambda example: example["symbol"])
def test_an_instrument_shown_is_an_instrument(example: dict[str, Any]) -> None:
    """With all fields that the directory has, and no other."""
    assert msgspec.to_builtins(msgspec.convert(example, Instrument)) == example
    assert example in components()["Instrument"]["examples"]


def test_a_stream_shown_has_messages_of_known_types() -> None:
    shown = set(re.findall(r'data: {"type":"([a-z]+)"', examples.STREAM))
    assert shown <= {example["type"] for example in examples.MESSAGES}
    assert {"ticker", "trade", "book", "health", "status"} <= shown
