"""Whatever Yahoo answers is something sane, malformed, or a refusal; nothing else ever leaves the protocol."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_bist.quotes import Answer, MalformedAnswer, Refused
from spark_ingest_bist.yahoo import YahooProtocol
from support.examples import NOON
from support.hostile import VALUES, places
from support.sane_quotes import ERRORS, check_quote
from support.yahoo import chart, encoded, error, keyed, meta, row, spark

ASKED = ("THYAO", "XU100", "GARAN")
ANSWERS = [
    spark(row(exchangeDataDelayedBy=15), row("XU100.IS", instrumentType="INDEX")), chart(row()), keyed(row("GARAN.IS")),
    error("Not Found"),
]  # fmt: skip
KEYS = sorted({*meta(), "spark", "chart", "finance", "result", "error", "response", "meta", "timestamp", "indicators",
               "quote", "open", "close", "THYAO.IS", "exchangeDataDelayedBy", "code"})  # fmt: skip
REFUSALS = {"limited", "forbidden", "unknown", "unavailable", "rejected"}

_scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(VALUES)
_json = st.recursive(
    _scalar,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.sampled_from(KEYS), children, max_size=6),
    max_leaves=16,
)


def check(body: bytes, status: int = 200) -> None:
    broken: MalformedAnswer | Refused | None = None
    try:
        answer = YahooProtocol("http://127.0.0.1").read(status, body, ASKED, NOON)
    except (MalformedAnswer, Refused) as exc:
        broken = exc
    if broken is None:
        check_answer(answer)
    else:
        assert str(broken)
        assert broken.error in (ERRORS if isinstance(broken, MalformedAnswer) else REFUSALS)


def check_answer(answer: Answer) -> None:
    """Assert that every symbol asked for is accounted for, and that every figure is one."""
    told = [quote.symbol for quote in answer.quotes]
    told += [bad.symbol for bad in answer.malformed if bad.symbol is not None]
    assert sorted([*set(told), *answer.absent, *answer.unknown]) == sorted(ASKED)
    assert {bad.error for bad in answer.malformed} <= ERRORS
    assert all(bad.detail.isprintable() and len(bad.detail) < 250 for bad in answer.malformed)
    assert answer.delay_ms is None or 0 <= answer.delay_ms <= 86_400_000
    for quote in answer.quotes:
        check_quote(quote)


@given(st.binary(max_size=200), st.integers(min_value=100, max_value=999))
def test_any_bytes_with_any_status(body: bytes, status: int) -> None:
    check(body, status)


@given(_json)
def test_any_json(value: Any) -> None:
    check(encoded(value))


@given(st.sampled_from(ANSWERS), st.data())
def test_a_real_answer_with_anything_anywhere_within(answer: Any, data: st.DataObject) -> None:
    parsed = json.loads(json.dumps(answer))
    holder, key = data.draw(st.sampled_from(list(places(parsed))))
    holder[key] = data.draw(_json)

    check(encoded(parsed))


@given(st.sampled_from(sorted(meta())), _json)
def test_anything_at_one_key_of_a_row(key: str, value: Any) -> None:
    check(encoded(spark(row(**{key: value}))))


@given(
    st.sampled_from(ANSWERS), st.binary(max_size=4), st.integers(min_value=0), st.integers(min_value=0, max_value=40)
)
def test_a_real_answer_with_bytes_overwritten_or_cut_out(answer: Any, noise: bytes, at: int, gone: int) -> None:
    body = encoded(answer)
    at %= len(body)

    check(body[:at] + noise + body[at + gone :])


@given(st.floats(min_value=0.015625, max_value=9_999, width=32))
def test_no_price_has_more_digits_than_the_source_says(price: float) -> None:
    [quote] = YahooProtocol("").read(200, encoded(spark(row(regularMarketPrice=price))), ["THYAO"], NOON).quotes

    assert quote.price == quote.price.quantize(Decimal("0.01"))
    assert abs(quote.price - Decimal(price)) <= Decimal("0.0051")
