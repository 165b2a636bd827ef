"""The answers that vendors document become the right quotes through the example files, their errors the right names."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from spark_ingest_bist.quotes import Answer, MalformedAnswer, Quote, Refused
from spark_ingest_bist.vendor import VendorPollProtocol
from spark_ingest_bist.vendorpush import VendorPushProtocol
from support import vendors
from support.examples import NOON

_DEFAULT = Path(__file__).parents[4] / "shared" / "protocols" / "bist-samples.jsonl"
SAMPLES = Path(os.environ.get("SPARK_TEST_BIST_SAMPLES") or _DEFAULT)


def polled(name: str) -> VendorPollProtocol:
    return VendorPollProtocol(*vendors.example(name))


def pushing(name: str, *symbols: str) -> VendorPushProtocol:
    protocol = VendorPushProtocol(*vendors.example(name))
    protocol.opening(symbols)
    return protocol


@pytest.mark.skipif(not SAMPLES.exists(), reason="the public samples are not here")
def test_what_is_tested_is_what_is_published() -> None:
    lines = [json.loads(line)["payload"] for line in SAMPLES.read_text("utf-8").splitlines()]
    for sample in vendors.ALL_OF_THEM:
        assert sample in lines


def test_ideal_sends_texts_and_an_index_without_bid_and_ask() -> None:
    at = 1732190111000  # 21 November 2024 14:55:11 in Istanbul

    answer = polled("ideal").read(200, vendors.body(vendors.IDEAL), ["GARAN", "SAHOL", "XU100", "THYAO"], NOON)

    assert answer == Answer(
        quotes=(
            Quote(
                symbol="GARAN", name="GARANTI BANKASI", price=Decimal("114.4"), previous_close=Decimal(109),
                bid=Decimal("114.3"), ask=Decimal("114.4"), change_pct=Decimal("4.95"), high=Decimal("114.7"),
                low=Decimal("109.8"), venue_time=at,
            ),
            Quote(
                symbol="SAHOL", name="SABANCI HOLDING", price=Decimal("85.1"), previous_close=Decimal("80.95"),
                bid=Decimal("85.05"), ask=Decimal("85.1"), change_pct=Decimal("5.13"), high=Decimal("85.25"),
                low=Decimal("81.15"), venue_time=at,
            ),
            Quote(
                symbol="XU100", name="BIST 100", price=Decimal("9291.83"), previous_close=Decimal("9031.82"),
                change_pct=Decimal("2.88"), high=Decimal("9298.94"), low=Decimal("9069.91"), venue_time=at,
            ),
        ),
        absent=("THYAO",),
    )  # fmt: skip


@pytest.mark.parametrize(("status", "body", "error"), vendors.IDEAL_ERRORS)
def test_ideal_says_why_not(status: int, body: dict[str, dict[str, str]], error: str) -> None:
    """Two kinds of 401 need two people: its own words say which."""
    with pytest.raises(Refused) as raised:
        polled("ideal").read(status, vendors.body(body), ["GARAN"], NOON)

    assert raised.value.error == error
    assert raised.value.detail == (f"status {status}: {body['message']['errorCode']}: {body['message']['errorText']}")


def test_oneendeks_writes_an_offset_without_minutes() -> None:
    answer = polled("oneendeks").read(200, vendors.body(vendors.ONEENDEKS), ["THYAO"], NOON)

    assert answer == Answer(
        quotes=(
            Quote(
                symbol="THYAO", price=Decimal("304.25"), open=Decimal("301.5"), high=Decimal(306),
                low=Decimal("300.75"), previous_close=Decimal("300.5"), bid=Decimal(304), ask=Decimal("304.25"),
                turnover=Decimal(3756250000), volume=Decimal(12345678), venue_time=1777291500000,
            ),
        )
    )  # fmt: skip


def test_oneendeks_derivatives_are_none_of_our_business() -> None:
    answer = polled("oneendeks").read(200, vendors.body(vendors.ONEENDEKS_DERIVATIVE), [], NOON)

    assert answer == Answer(ignored=1)


@pytest.mark.parametrize("status", [200, 400])
def test_oneendeks_refuses_what_it_does_not_understand(status: int) -> None:
    with pytest.raises(Refused, match="EINVAL") as raised:
        polled("oneendeks").read(status, vendors.body(vendors.ONEENDEKS_ERROR), ["THYAO"], NOON)

    assert raised.value.error == "rejected"


def test_bigpara_tells_of_one_share_and_of_its_limits() -> None:
    answer = polled("bigpara").read(200, vendors.body(vendors.BIGPARA), ["THYAO"], NOON)

    assert answer == Answer(
        quotes=(
            Quote(
                symbol="THYAO", name="TURK HAVA YOLLARI", price=Decimal("304.25"), bid=Decimal(304),
                ask=Decimal("304.25"), open=Decimal("301.5"), high=Decimal(306), low=Decimal("300.75"),
                volume=Decimal(12345678), turnover=Decimal(3756250000), vwap=Decimal("304.1"),
                previous_close=Decimal("300.5"), change_pct=Decimal("1.25"), venue_time=1777291500000,
            ),
        )
    )  # fmt: skip


def test_collectapi_writes_as_turks_do() -> None:
    row = {
        "rate": -0.29, "lastprice": 9291.83, "lastpricestr": "9.291,83", "hacim": 1.5, "hacimstr": "2.445.091.183,80",
        "min": 1, "minstr": "9.069,91", "max": 1, "maxstr": "-", "time": "18:05", "text": "BIST 100", "code": "XU100",
    }  # fmt: skip

    answer = polled("collectapi").read(200, vendors.body({"success": True, "result": [row]}), ["XU100"], NOON)

    assert answer.quotes == (
        Quote(
            symbol="XU100", name="BIST 100", price=Decimal("9291.83"), low=Decimal("9069.91"),
            turnover=Decimal("2445091183.8"), change_pct=Decimal("-0.29"), venue_time=None,
        ),
    )  # fmt: skip


def test_collectapi_may_fail_with_status_200() -> None:
    with pytest.raises(Refused, match="plan is over"):
        polled("collectapi").read(200, b'{"success": false, "message": "your plan is over"}', ["THYAO"], NOON)


def test_algolab_swaps_the_labels_of_bid_and_ask() -> None:
    answer = pushing("algolab").receive(vendors.body(vendors.ALGOLAB_T), NOON)

    assert answer == Answer(
        quotes=(
            Quote(
                symbol="VERTU", price=Decimal("22.78"), bid=Decimal("22.78"), ask=Decimal("22.8"),
                high=Decimal("22.9"), low=Decimal("22.78"), reference_price=Decimal("22.7"),
                change_pct=Decimal("0.44"), venue_time=1653900719000,
            ),
        )
    )  # fmt: skip


def test_algolabs_depth_and_derivatives_are_ignored() -> None:
    protocol = pushing("algolab")
    derivative = {"Type": "T", "Content": vendors.ALGOLAB_D["Content"]}

    assert protocol.receive(vendors.body(vendors.ALGOLAB_D), NOON) == Answer(ignored=1)
    assert protocol.receive(vendors.body(derivative), NOON) == Answer(ignored=1)


def test_laplace_tells_the_price_and_the_change() -> None:
    protocol = pushing("laplace", "THYAO")
    price, heartbeat = vendors.LAPLACE

    assert protocol.receive(vendors.body(price), NOON) == Answer(
        quotes=(
            Quote(
                symbol="THYAO", price=Decimal("304.25"), change_pct=Decimal("1.25"), venue_time=1777273500000
            ),
        )
    )  # fmt: skip
    assert protocol.receive(vendors.body(heartbeat), NOON) == Answer(ignored=1)


@pytest.mark.parametrize("name", ["ideal", "collectapi", "bigpara", "oneendeks"])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"<html>busy</html>", "html"), (b"", "not_json"), (b'{"a":', "not_json"), (b"[NaN]", "not_json"),
        (b'"\xff"', "not_json"), (b"[" * 100_000, "not_json"), (b"7", "shape"), (b'"text"', "shape"),
    ],
)  # fmt: skip
def test_what_is_malformed_has_a_name(name: str, text: bytes, error: str) -> None:
    protocol = polled(name)
    asked = ["THYAO", "GARAN"][: protocol.most_symbols]

    with pytest.raises(MalformedAnswer) as raised:
        protocol.read(200, text, asked, NOON)

    assert raised.value.error == error
