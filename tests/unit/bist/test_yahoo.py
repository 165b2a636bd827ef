"""Yahoo's answers: what each shape says, and by which name each bad one is known."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from spark_ingest_bist.quotes import Answer, MalformedAnswer, Quote, Refused
from spark_ingest_bist.sources import PollProtocol
from spark_ingest_bist.yahoo import YahooProtocol
from support.examples import NOON
from support.yahoo import OPENED_S, TIME_S, chart, encoded, error, keyed, meta, row, spark

PROTOCOL: PollProtocol = YahooProtocol("https://query1.finance.yahoo.com/")
THYAO = Quote(
    symbol="THYAO", price=Decimal("304.25"), venue_time=TIME_S * 1000, open=Decimal(303),
    previous_close=Decimal("300.5"), high=Decimal(306), low=Decimal("301.5"), volume=Decimal(1234567),
    name="Türk Hava Yolları A.O.",
)  # fmt: skip


def read(answer: Any, *asked: str, status: int = 200) -> Answer:
    body = answer if isinstance(answer, bytes) else encoded(answer)
    return PROTOCOL.read(status, body, asked or ("THYAO",), NOON)


def quote(**changes: Any) -> Quote:
    """Return the one quote of an answer whose meta has these changes."""
    answer = read(spark(row(**changes)))
    assert (answer.malformed, answer.unknown, answer.absent, answer.ignored) == ((), (), (), 0)
    [only] = answer.quotes
    return only


def bad(answer: Any) -> tuple[str, str | None]:
    """Return the name of the one thing that is wrong, and of which symbol; there is nothing else in the answer."""
    found = read(answer)
    assert (found.quotes, found.unknown, found.ignored, found.delay_ms) == ((), (), 0, None)
    [only] = found.malformed
    assert 0 < len(only.detail) < 200
    return only.error, only.symbol


def test_a_request_names_its_symbols_as_yahoo_does() -> None:
    request = PROTOCOL.request(["THYAO", "XU100"])

    assert request.url == (
        "https://query1.finance.yahoo.com/v7/finance/spark?symbols=THYAO.IS,XU100.IS&range=1d&interval=60m"
    )
    assert request.label == "yahoo spark THYAO and 1 more"
    assert request.headers["User-Agent"].startswith("Mozilla/5.0 (compatible; ")
    assert (request.method, request.body) == ("GET", None)


def test_a_request_names_20_symbols_at_most() -> None:
    """One more, and it answers 400 for all of them."""
    assert PROTOCOL.most_symbols == 20
    assert PROTOCOL.request(["THYAO"] * 20).url.count(".IS") == 20
    for symbols in ([], ["THYAO"] * 21):
        with pytest.raises(ValueError, match="1 to 20 symbols"):
            PROTOCOL.request(symbols)


@pytest.mark.parametrize("envelope", [spark, chart, keyed])
def test_every_envelope_has_the_same_inside(envelope: Callable[..., Any]) -> None:
    assert read(envelope(row())) == Answer(quotes=(THYAO,))


def test_price_time_currency_and_exchange_are_enough() -> None:
    part = {
        "meta": {"regularMarketPrice": 393.75, "regularMarketTime": TIME_S, "currency": "TRY", "exchangeName": "IST"}
    }
    answer = {"spark": {"result": [{"symbol": "ASELS.IS", "response": [part]}], "error": None}}

    assert read(answer, "ASELS") == Answer(
        quotes=(Quote(symbol="ASELS", price=Decimal("393.75"), venue_time=TIME_S * 1000),)
    )


def test_no_time_is_no_time() -> None:
    """It is not made up from the bars, nor from our clock; nor is a day's open known without a day."""
    found = quote(regularMarketTime=...)
    assert (found.venue_time, found.open) == (None, None)


def test_the_exchange_may_be_written_out() -> None:
    assert quote(exchangeName=...) == THYAO


def test_what_is_asked_for_and_not_there_is_absent() -> None:
    assert read(spark(row()), "ASELS", "THYAO", "GARAN") == Answer(quotes=(THYAO,), absent=("ASELS", "GARAN"))
    assert read(spark(), "ASELS") == Answer(absent=("ASELS",))


def test_rows_that_nobody_asked_for_are_ignored() -> None:
    others = [row("AAPL", currency="USD"), row("GARAN.IS")]
    assert read(spark(row(), *others)) == Answer(quotes=(THYAO,), ignored=2)


def test_a_symbol_may_come_twice() -> None:
    """Which of the two is newer is not for a protocol to judge."""
    earlier = row(regularMarketTime=TIME_S - 60)
    assert [each.venue_time for each in read(spark(row(), earlier)).quotes] == [TIME_S * 1000, TIME_S * 1000 - 60_000]


def test_a_bad_row_costs_itself() -> None:
    answer = read(spark(row("ASELS.IS", regularMarketPrice=None), row()), "ASELS", "THYAO")
    assert answer.quotes == (THYAO,)
    assert [(each.error, each.symbol) for each in answer.malformed] == [("no_price", "ASELS")]
    assert answer.absent == ()


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("306.0000305", "306"), ("114.30000305", "114.3"), ("114.30000305175781", "114.3"), ("304", "304"),
        ("3.0425e2", "304.25"), ("1E2", "100"), ("100.10000000000001", "100.1"), ("2502.500244140625", "2502.5"),
        ("304.13", "304.13"), ("12.345", "12.34"), ("0.01", "0.01"), ('"304.25"', "304.25"),
    ],
)  # fmt: skip
def test_a_price_has_the_digits_that_it_was_traded_at(written: str, price: str) -> None:
    body = encoded(spark(row(regularMarketPrice="PRICE"))).replace(b'"PRICE"', written.encode())
    [found] = read(body).quotes
    assert str(found.price) == price


def test_an_index_has_two_decimals() -> None:
    """By its type where that is told, by its spelling where not."""
    for kind in ("INDEX", ...):
        part = row("XU100.IS", instrumentType=kind, regularMarketPrice=100002.490001, priceHint=4)
        assert read(spark(part), "XU100").quotes[0].price == Decimal("100002.49")


def test_other_prices_lose_their_noise_too() -> None:
    noisy = {"regularMarketDayHigh": 306.0000305, "regularMarketDayLow": 114.30000305, "previousClose": 114.30000305}
    found = quote(**noisy, opens=[303.0000305])
    assert (found.high, found.low, found.previous_close, found.open) == (
        Decimal(306), Decimal("114.3"), Decimal("114.3"), Decimal(303),
    )  # fmt: skip


@pytest.mark.parametrize("hint", [None, ..., -1, 0, 99, "x", 2.5, [], True])
def test_a_hint_that_makes_no_sense_takes_no_digit(hint: Any) -> None:
    assert quote(priceHint=hint) == THYAO


def test_the_previous_close_may_be_the_charts() -> None:
    assert quote(previousClose=...).previous_close == Decimal("300.25")
    assert quote(previousClose=0).previous_close == Decimal("300.25")
    assert quote(previousClose=..., chartPreviousClose=...).previous_close is None


def test_a_zero_is_no_price_but_a_volume() -> None:
    found = quote(regularMarketDayHigh=0, regularMarketDayLow=0.0, regularMarketVolume=0)
    assert (found.high, found.low, found.volume) == (None, None, Decimal(0))


@pytest.mark.parametrize(
    ("opens", "open_"),
    [
        ([303.0, 304.0], 303), ([None, 304.0], 304), ([0, "x", -1, {}, 304.0], 304), ([None], None), ([], None),
        ([10**12], None), (["NaN", True], None),
    ],
)  # fmt: skip
def test_the_open_is_that_of_the_first_real_bar(opens: list[Any], open_: int | None) -> None:
    assert quote(opens=opens).open == open_


def test_bars_of_yesterday_tell_no_open_of_today() -> None:
    """Before the first trade of a day the bars may still be the day's before."""
    assert quote(regularMarketTime=TIME_S + 86_400).open is None


@pytest.mark.parametrize("part", [{"timestamp": None}, {"indicators": None}, {"indicators": {"quote": [None]}},
                                  {"indicators": {"quote": []}}, {"indicators": []}, {"timestamp": [None, "x"]},
                                  {"indicators": {"quote": [{"close": [304.25]}]}}])  # fmt: skip
def test_bars_are_not_needed(part: dict[str, Any]) -> None:
    assert read(spark({**row(), **part})).quotes[0].price == Decimal("304.25")


def test_bars_are_no_prices() -> None:
    """They come null, doubled and running; so v8's short form, which has nothing else, says no price."""
    short = {
        "THYAO.IS": {"symbol": "THYAO.IS", "timestamp": [OPENED_S], "close": [304.25], "chartPreviousClose": 300.5}
    }
    assert bad(short) == ("no_price", "THYAO")
    assert bad(chart(row(regularMarketPrice=None))) == ("no_price", "THYAO")


def test_the_name_may_be_the_short_one() -> None:
    assert quote(longName=...).name == "TURK HAVA YOLLARI"
    assert quote(longName="  ").name == "TURK HAVA YOLLARI"
    assert quote(longName="\ud800", shortName="a\x00b").name is None


@pytest.mark.parametrize(
    ("declared", "delay_ms"), [(15, 900_000), (0, 0), (..., None), (None, None), (-5, None), (1440, None), ("x", None)]
)
def test_the_declared_delay_is_told(declared: Any, delay_ms: int | None) -> None:
    answer = read(spark(row(exchangeDataDelayedBy=declared)))
    assert answer.delay_ms == delay_ms
    assert answer.quotes == (THYAO,)


def test_of_several_delays_the_longest_is_told() -> None:
    rows = [row(exchangeDataDelayedBy=15), row("ASELS.IS", exchangeDataDelayedBy=20), row("GARAN.IS")]
    assert read(spark(*rows), "THYAO", "ASELS", "GARAN").delay_ms == 1_200_000


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"regularMarketPrice": ...}, "no_price"), ({"regularMarketPrice": None}, "no_price"),
        ({"regularMarketPrice": 0}, "no_price"), ({"regularMarketPrice": -1}, "bad_number"),
        ({"regularMarketPrice": float("nan")}, "bad_number"), ({"regularMarketPrice": float("inf")}, "bad_number"),
        ({"regularMarketPrice": "1_000"}, "bad_number"), ({"regularMarketPrice": 10**9}, "bad_number"),
        ({"regularMarketPrice": 0.001}, "bad_number"), ({"regularMarketPrice": {"raw": 1}}, "bad_number"),
        ({"regularMarketPrice": True}, "bad_number"), ({"regularMarketPrice": 1e300}, "bad_number"),
        ({"regularMarketDayHigh": -1}, "bad_number"), ({"regularMarketDayLow": "x"}, "bad_number"),
        ({"regularMarketVolume": -1}, "bad_number"), ({"previousClose": "NaN"}, "bad_number"),
        ({"regularMarketTime": 0}, "bad_time"), ({"regularMarketTime": TIME_S * 1000}, "bad_time"),
        ({"regularMarketTime": "2026-04-27T10:05"}, "bad_time"), ({"regularMarketTime": -TIME_S}, "bad_time"),
        ({"regularMarketTime": True}, "bad_time"), ({"regularMarketTime": [TIME_S]}, "bad_time"),
        ({"currency": "USD"}, "wrong_market"), ({"currency": ...}, "wrong_market"), ({"currency": []}, "wrong_market"),
        ({"exchangeName": "NMS"}, "wrong_market"), ({"exchangeName": {}}, "wrong_market"),
        ({"exchangeName": ..., "fullExchangeName": ...}, "wrong_market"),
        ({"exchangeName": ..., "fullExchangeName": "NasdaqGS"}, "wrong_market"),
    ],
)  # fmt: skip
def test_a_bad_row_has_a_name_and_says_nothing_else(changes: dict[str, Any], name: str) -> None:
    assert bad(spark(row(exchangeDataDelayedBy=15, **changes))) == (name, "THYAO")


@pytest.mark.parametrize(
    "answer",
    [
        chart(row(symbol=...)) | {}, chart({"meta": meta(symbol=...)}), chart({}),
        {"spark": {"result": [None], "error": None}}, {"spark": {"result": [{"symbol": 7, "response": [row()]}]}},
        {"spark": {"result": [{"symbol": "ASELS.IS", "response": [row()]}]}},
    ],
)  # fmt: skip
def test_a_row_without_one_symbol_is_nobodys(answer: Any) -> None:
    """None is named, or two that differ."""
    answer = json.loads(json.dumps(answer, default=lambda _: None))
    assert bad(answer) == ("symbol", None)


@pytest.mark.parametrize("response", [None, [], {}, [None], [[]], "x", [{"meta": None}]])
def test_a_symbol_with_nothing_inside_has_no_price(response: Any) -> None:
    answer = {"spark": {"result": [{"symbol": "THYAO.IS", "response": response}], "error": None}}
    assert bad(answer) == ("no_price", "THYAO")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"", "not_json"), (b" ", "not_json"), (b"Too Many Requests\r\n", "not_json"),
        (b'{"spark":{"result', "not_json"), (b"\xff\xfe{}", "not_json"), (b"[" * 100_000, "not_json"),
        (encoded(spark(row()))[:-3], "not_json"),
        (b"<!DOCTYPE html><html>", "html"), (b"\n <html></html>", "html"), (b"null", "shape"), (b"[]", "shape"),
        (b"7", "shape"), (b"{}", "shape"), (b'{"message":"hello"}', "shape"), (b'{"spark":null}', "shape"),
        (b'{"spark":{"result":null,"error":null}}', "shape"), (b'{"spark":{"result":{}}}', "shape"),
        (b'{"chart":[]}', "shape"), (b'{"AAPL":{}}', "shape"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_has_a_name(body: bytes, name: str) -> None:
    with pytest.raises(MalformedAnswer) as caught:
        read(body)
    assert caught.value.error == name
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize("body", [b"", b"<html>", b"Too Many Requests", encoded(spark(row()))])
@pytest.mark.parametrize(
    ("status", "name"),
    [
        (429, "limited"), (999, "limited"), (401, "forbidden"), (403, "forbidden"), (404, "unknown"),
        (400, "rejected"), (418, "rejected"), (500, "unavailable"), (503, "unavailable"), (302, "unavailable"),
    ],
)  # fmt: skip
def test_a_status_says_why_it_refuses(status: int, name: str, body: bytes) -> None:
    """Whatever is in the body: pages come with any of them."""
    with pytest.raises(Refused) as caught:
        read(body, status=status)
    assert caught.value.error == name


@pytest.mark.parametrize("envelope", ["spark", "chart", "finance"])
@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("Bad Request", "rejected"), ("Unauthorized", "forbidden"), ("Too Many Requests", "limited"),
        ("Internal Server Error", "unavailable"), (500, "unavailable"), (None, "unavailable"), ("Not Found", "unknown"),
    ],
)  # fmt: skip
def test_an_error_inside_says_so_too(code: Any, name: str, envelope: str) -> None:
    with pytest.raises(Refused) as caught:
        read(error(code, envelope), "THYAO", "ASELS")
    assert caught.value.error == name


@pytest.mark.parametrize("status", [200, 404])
def test_a_symbol_that_it_does_not_have_is_unknown(status: int) -> None:
    """Only when it says so itself, and of one: a bare 404 may be a path that is gone, and take every symbol with it."""
    assert read(error("Not Found"), "QQQQQ", status=status) == Answer(unknown=("QQQQQ",))
