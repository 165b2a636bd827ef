"""Conformance to published samples of BIST's sources, where the file of them is at hand.

It is no part of the project, so its absence skips these tests everywhere: the shapes in ``support.yahoo`` stand in.
"""

import base64
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spark_ingest_bist.pricing_data import decode
from spark_ingest_bist.quotes import Answer, Quote
from spark_ingest_bist.streamer import StreamerProtocol
from spark_ingest_bist.yahoo import YahooProtocol
from support.examples import NOON
from support.streamer import frame
from support.yahoo import encoded

_DEFAULT = Path(__file__).parents[4] / "shared" / "protocols" / "bist-samples.jsonl"
SAMPLES = Path(os.environ.get("SPARK_TEST_BIST_SAMPLES") or _DEFAULT)
pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the public samples are not here")
PROTOCOL = YahooProtocol("https://query1.finance.yahoo.com")
ASKED = ("ASELS", "THYAO", "XU100")


def samples(*keys: str) -> list[dict[str, Any]]:
    """Return those whose payload has one of these keys."""
    lines = [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines()]
    return [line for line in lines if isinstance(line["payload"], dict) and set(keys) & set(line["payload"])]


def test_every_answer_says_what_it_should() -> None:
    """Expected are the figures as they stand in the file; none of these rows is malformed, or ignored."""
    found = [sample["payload"] for sample in samples("spark", "chart")]
    assert len(found) == 4
    batch, short, unknown, bars = found

    assert PROTOCOL.read(200, encoded(batch), ASKED, NOON) == Answer(
        quotes=(
            Quote(symbol="ASELS", price=Decimal("393.75"), venue_time=1782225826000),
            Quote(symbol="XU100", price=Decimal("14516.32"), venue_time=1782225826000),
        ),
        absent=("THYAO",),
    )
    assert PROTOCOL.read(200, encoded(short), ["ASELS"], NOON) == Answer(
        quotes=(Quote(symbol="ASELS", price=Decimal("342.25"), venue_time=None, name="ASELSAN"),)
    )
    assert PROTOCOL.read(404, encoded(unknown), ["QQQQQ"], NOON) == Answer(unknown=("QQQQQ",))
    assert PROTOCOL.read(200, encoded(bars), ["THYAO"], NOON) == Answer(
        quotes=(
            Quote(
                symbol="THYAO", price=Decimal("304.25"), venue_time=1777273500000, open=Decimal(303),
                previous_close=Decimal("300.5"), high=Decimal(306), low=Decimal("301.5"), volume=Decimal(1234567),
            ),
        )
    )  # fmt: skip


def test_every_frame_of_the_streamer_says_what_it_should() -> None:
    """Each field as the file has it; of these only two are of Borsa İstanbul."""
    said: list[Answer] = []
    for sample in samples("message", "frame"):
        payload = sample["payload"]
        if "expected" not in payload:
            continue
        sent = payload["frame"].encode() if "frame" in payload else frame(base64.b64decode(payload["message"]))
        fields = decode(base64.b64decode(json.loads(sent)["message"]))
        assert {key: float(value) if isinstance(value, Decimal) else value for key, value in fields.items()} == payload[
            "expected"
        ]
        protocol = StreamerProtocol()
        protocol.opening(["THYAO", "GARAN"])
        said.append(protocol.receive(sent, NOON))

    assert said == [Answer(ignored=1)] * 4 + [
        Answer(quotes=(Quote(symbol="THYAO", price=Decimal("304.25"), venue_time=1777273500000,
                             volume=Decimal(1234567), change_pct=Decimal("1.25")),)),
        Answer(quotes=(Quote(symbol="GARAN", price=Decimal("114.3"), venue_time=1777273501000,
                             change_pct=Decimal("-0.61")),)),
    ]  # fmt: skip


def test_the_subscription_is_the_samples() -> None:
    [sample] = samples("subscribe")
    [sent] = StreamerProtocol().opening(["THYAO", "XU100"])
    assert json.loads(sent) == sample["payload"]["subscribe"]
