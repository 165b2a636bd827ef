"""Whatever a vendor sends, or is given as its file: quotes that can be believed, or a named error, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_ingest_bist.quotes import Answer, MalformedAnswer, Refused
from spark_ingest_bist.vendor import VendorPollProtocol
from spark_ingest_bist.vendorfile import BadVendorFile, parse_vendor
from spark_ingest_bist.vendorpush import VendorPushProtocol
from support import vendors
from support.examples import NOON
from support.sane_quotes import ERRORS, check_quote

OURS = ERRORS | {"crossed", "implausible"}
REFUSALS = {"limited", "forbidden", "unknown", "unavailable", "rejected"}
ASKED = ("THYAO", "GARAN", "XU100", "SAHOL", "VERTU")
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=12)
    | st.sampled_from(["THYAO", "GARAN", "304.25", "9.291,83", "-1", "1e999999999", "0", "2026-04-27T15:05:00+03"])
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
SHAPES: dict[str, list[Any]] = {
    "ideal": [vendors.IDEAL, vendors.IDEAL_ERRORS[0][1]],
    "collectapi": [{"success": True, "result": [{"code": "THYAO", "lastpricestr": "304,25", "rate": 1, "text": "T"}]}],
    "bigpara": [vendors.BIGPARA],
    "oneendeks": [vendors.ONEENDEKS, vendors.ONEENDEKS_ERROR],
    "laplace": vendors.LAPLACE,
    "algolab": [vendors.ALGOLAB_T, vendors.ALGOLAB_D],
}
POLLED = {name: VendorPollProtocol(*vendors.example(name)) for name in ("ideal", "collectapi", "bigpara", "oneendeks")}
EXAMPLES = {name: (vendors.FOLDER / f"{name}.yaml").read_text("utf-8") for name in vendors.NAMES}


@st.composite
def spoilt(draw: st.DrawFn, name: str) -> bytes:
    """Return an answer of this vendor's shape with anything in some places of it, or cut, or with bytes put in."""
    value = draw(st.sampled_from(SHAPES[name]))

    def somewhere(item: Any, depth: int) -> Any:
        if depth > 0 and draw(st.integers(0, 5)) == 0:
            return draw(JSON)
        match item:
            case dict():
                return {key: somewhere(inner, depth + 1) for key, inner in item.items() if draw(st.integers(0, 15))}
            case list():
                return [somewhere(inner, depth + 1) for inner in item]
        return item

    text = json.dumps(somewhere(value, 0)).encode()
    match draw(st.integers(0, 5)):
        case 0:
            return text[: draw(st.integers(0, len(text)))]
        case 1:
            at = draw(st.integers(0, len(text)))
            return text[:at] + draw(st.binary(max_size=3)) + text[at:]
    return text


def check(answer: Answer) -> None:
    for quote in answer.quotes:
        check_quote(quote)
        assert quote.bid is None or quote.ask is None or quote.bid <= quote.ask
    assert {each.error for each in answer.malformed} <= OURS


def check_error(exc: MalformedAnswer | Refused) -> None:
    assert exc.error in (REFUSALS if isinstance(exc, Refused) else {"html", "not_json", "shape"})


@pytest.mark.parametrize("name", sorted(POLLED))
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_nothing_but_quotes_and_named_errors_leaves_a_vendor_that_is_asked(name: str, data: st.DataObject) -> None:
    text = data.draw(spoilt(name) | st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
    status = data.draw(st.sampled_from([200, 200, 200, 204, 301, 401, 404, 429, 500, 599]))
    asked = data.draw(st.sampled_from([ASKED[: POLLED[name].most_symbols], ASKED[:1], ()]))
    try:
        answer = POLLED[name].read(status, text, asked, NOON)
    except (MalformedAnswer, Refused) as exc:
        check_error(exc)
    else:
        check(answer)
        assert {quote.symbol for quote in answer.quotes} <= set(asked) or not asked


@pytest.mark.parametrize("name", ["laplace", "algolab"])
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_nothing_but_quotes_and_named_errors_leaves_a_vendor_that_sends(name: str, data: st.DataObject) -> None:
    protocol = VendorPushProtocol(*vendors.example(name))
    protocol.opening(())
    for _ in range(data.draw(st.integers(1, 4))):  # what one frame leaves behind must not harm the next
        text = data.draw(spoilt(name) | st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
        try:
            check(protocol.receive(text, NOON))
        except (MalformedAnswer, Refused) as exc:
            check_error(exc)


@pytest.mark.parametrize("name", vendors.NAMES)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_file_with_anything_in_it_is_read_or_complained_about(name: str, data: st.DataObject) -> None:
    """One line is changed, doubled, left out or indented otherwise: there is a description, or errors with a line."""
    lines = EXAMPLES[name].splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    lines[at : at + 1] = data.draw(
        st.sampled_from([[], [line, line], [f" {line}"], [line.lstrip()], [line.replace(":", "")], [f"{line}x"]])
        | st.text(max_size=20).map(lambda text: [line, text])
        | JSON.map(lambda value: [f"{line.partition(':')[0]}: {json.dumps(value)}"])
    )
    try:
        vendor = parse_vendor("\n".join(lines), "v.yaml")
    except BadVendorFile as exc:
        for complaint in str(exc).splitlines():
            assert complaint.startswith("v.yaml")
    else:
        assert vendor.poll or vendor.ws
