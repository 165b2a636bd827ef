"""The simulated sources' shapes against the samples, genuine and documented, where those are at hand."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spark_simulator.bist import pricing, pushed, vendors, yahoo
from spark_simulator.bist.market import Quote
from spark_simulator.bist.view import Row
from support.istanbul import at
from support.simulated_bist import IDEAL, Asked

ROOT = Path(__file__).parents[3]
SAMPLES = Path(os.environ.get("SPARK_TEST_BIST_SAMPLES") or ROOT.parent / "shared" / "protocols" / "bist-samples.jsonl")

THYAO = Quote(
    "THYAO", "TURK HAVA YOLLARI", at("2026-04-27 10:05"), 30_425, 30_150, 30_600, 30_075, 30_050, 30_400, 30_425,
    10, 20, 30_050, 27_050, 33_050, 12_345_678, 375_625_000_000, 3_041_000,
)  # fmt: skip
XU100 = Quote("XU100", "BIST 100", at("2026-04-27 10:05"), 929_183, 929_000, 929_894, 906_991, 903_182)


@pytest.fixture(scope="module")
def samples() -> list[Any]:
    if not SAMPLES.is_file():
        pytest.skip("the public samples are not here; set SPARK_TEST_BIST_SAMPLES")
    return [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines() if line]


def sample(samples: list[Any], *words: str) -> Any:
    [found] = [one["payload"] for one in samples if all(word in one["source"] + one["about"] for word in words)]
    return found


def shape(value: Any) -> Any:
    """Return what kind of JSON this is, with a number being a number whether or not it has a point."""
    match value:
        case dict():
            return {key: shape(each) for key, each in value.items()}
        case list():
            return [shape(each) for each in value]
        case bool() | None:
            return value
        case int() | float():
            return "number"
        case _:
            return "text"


def holds(larger: Any, smaller: Any) -> bool:
    """Return whether every key of ``smaller`` is in ``larger`` with a value of the same kind."""
    if isinstance(smaller, dict):
        return isinstance(larger, dict) and all(key in larger and holds(larger[key], it) for key, it in smaller.items())
    if isinstance(smaller, list):
        return isinstance(larger, list) and all(holds(one, other) for one, other in zip(larger, smaller, strict=True))
    return bool(larger == smaller)


def test_yahoos_shapes_are_those_of_the_samples(samples: list[Any]) -> None:
    made = json.loads(msgspec.json.encode(yahoo.spark([Row(THYAO), Row(XU100)])))
    assert holds(shape(made), shape(sample(samples, "Yahoo v7 spark")))
    [chart] = Asked().json("/bist/yahoo/v8/finance/chart/THYAO.IS")["chart"]["result"]
    [expected] = sample(samples, "a null bar in the middle")["chart"]["result"]
    assert holds(shape(chart["meta"]), shape(expected["meta"]))
    assert list(chart["indicators"]["quote"][0]) == list(expected["indicators"]["quote"][0])


def test_the_streamers_bytes_are_those_of_the_sample(samples: list[Any]) -> None:
    wanted = sample(samples, "price exactly representable")["frame"]
    quote = THYAO._replace(time=1777273500000, price=30_425, previous_close=30_050, volume=1234567)
    assert pricing.frame(Row(quote), trading=True) == wanted
    assert base64.b64decode(json.loads(wanted)["message"])[:2] == b"\n\x08"


def test_the_vendors_shapes_are_those_of_the_samples(samples: list[Any]) -> None:
    ideal = [Row(THYAO), Row(THYAO), Row(XU100)]
    assert shape(vendors.ideal(ideal)) == shape(sample(samples, "SembolVeri1 (21 Nov"))
    assert vendors.ideal(ideal)[2] == sample(samples, "SembolVeri1 (21 Nov")[2] | {"a": "27/04/2026", "b": "100500"}
    errors = [one["payload"]["body"] for one in samples if "DOCUMENTED error answer" in one["about"]]
    asked = Asked()
    replies = [asked.get(f"{IDEAL}?Sembol=GARAN")]
    for fault, fields in (("refuse", {"status": 401, "ip": True}), ("limit", {})):
        asked.fault(fault, **fields)
        replies.append(asked.get(f"{IDEAL}?Sembol=GARAN&api_key=simulated-key"))
    assert [json.loads(reply.body) for reply in replies] == errors
    assert shape(vendors.bigpara(1, Row(THYAO))) == shape(sample(samples, "Bigpara single share"))
    assert shape(vendors.oneendeks([Row(THYAO)])) == shape(sample(samples, "OneEndeks answer for a share"))
    assert shape(json.loads(pushed.algolab(Row(THYAO)))) == shape(sample(samples, "trade/quote message T"))
    assert shape(json.loads(pushed.algolab_depth(Row(THYAO), buys=True))) == shape(sample(samples, "depth message D"))
    price, heartbeat = sample(samples, "Laplace feed")
    assert shape(json.loads(pushed.laplace(Row(THYAO)))) == shape(price)
    assert json.loads(pushed.LAPLACE_HEARTBEAT) == heartbeat
