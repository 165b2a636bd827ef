"""The times at a message's end, and how long messages take."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from spark_market import wire
from spark_market.messages import Message
from spark_monitor.latency import STAGES, Latencies
from spark_monitor.stamps import stamps
from support.examples import a_book, a_ticker, a_trade

NOON = 1_766_404_800_000


@pytest.mark.parametrize("message", [a_ticker(received_at=NOON), a_trade(received_at=NOON), a_book(received_at=NOON)])
def test_the_times_of_a_message_are_those_that_it_has(message: Message) -> None:
    assert stamps(wire.encode(message)) == (message.venue_time, NOON)  # type: ignore[union-attr]


def test_times_that_stand_elsewhere_are_found_too() -> None:
    """The wire promises fields, and no order of them."""
    text = b'{"data":{"receivedAt":5,"venueTime":3,"symbol":"X"},"type":"ticker"}'

    assert stamps(text) == (3, 5)


def test_a_text_that_looks_like_the_end_is_not_taken_for_it() -> None:
    inner = '"venueTime":1,"receivedAt":2}}'
    text = msgspec.json.encode({"data": {"receivedAt": 5, "note": inner}})

    assert stamps(text) == (None, 5)


@pytest.mark.parametrize("text", [b"", b"{}", b'{"data":{}}', b'{"data":{"receivedAt":"5"}}', b"\xff"])
def test_what_has_no_times_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        stamps(text)


def test_latencies_are_told_as_a_histogram_from_the_start() -> None:
    registry = CollectorRegistry()
    latencies = Latencies(registry, ["btcturk"])
    for ms in (-5, 0.5, 1, 30, 120_000):
        latencies.of("btcturk", "end_to_end").observe(ms)

    def sample(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"spark_pipeline_latency_seconds_{name}", {"venue": "btcturk", **labels})

    assert [sample("bucket", stage="end_to_end", le=le) for le in ("0.001", "0.025", "0.05", "60.0", "+Inf")] == [
        3, 3, 4, 4, 5,
    ]  # fmt: skip
    assert sample("count", stage="end_to_end") == 5
    assert sample("sum", stage="end_to_end") == pytest.approx(120.0315)
    assert all(sample("count", stage=stage) is not None for stage in STAGES)
    assert b"# TYPE spark_pipeline_latency_seconds histogram" in generate_latest(registry)
