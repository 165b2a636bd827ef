"""A vendor that is asked: what its file says becomes requests, and its answers quotes, whatever shape they have."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from spark_ingest_bist.figures import NumberFormat
from spark_ingest_bist.jsontext import Literal, decode, find
from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Quote, Refused
from spark_ingest_bist.secretvalues import secrets
from spark_ingest_bist.vendor import VendorListing, VendorPollProtocol
from spark_ingest_bist.vendorfile import parse_vendor
from support.examples import NOON
from support.vendors import body, described

FIELDS = """
  fields: {symbol: s, price: p, bid: b, ask: a, bidSize: bs, askSize: as, volume: v, changePct: c, previousClose: pc}
"""


def polled(poll: str = "", more: str = "", fields: str = FIELDS, time: str = "receive") -> VendorPollProtocol:
    url = "" if "url:" in poll else '  url: "https://v.example/q"\n'
    return VendorPollProtocol(*described(f"poll:\n{url}{poll}{fields}  time: {time}\n{more}"))


def quotes(protocol: VendorPollProtocol, value: Any, *asked: str) -> tuple[Quote, ...]:
    answer = protocol.read(200, body(value), asked, NOON)
    assert answer.malformed == ()
    return answer.quotes


def malformed(protocol: VendorPollProtocol, row: dict[str, Any]) -> str:
    """Return the error of a row that stands beside a good one, which it does not harm."""
    good = {"s": "GARAN", "p": 1, "t": "2026-04-27T15:05:00"}
    answer = protocol.read(200, body([row, good]), ["THYAO", "GARAN"], NOON)
    assert [quote.symbol for quote in answer.quotes] == ["GARAN"]
    [found] = answer.malformed
    assert answer.absent == (() if found.symbol == "THYAO" else ("THYAO",))
    return found.error


# Requests


def test_a_query_repeats_its_name_for_each_symbol() -> None:
    request = polled('  query: {s: "{symbol}", key: "{secret}"}\n  batch: 2\n').request(["THYAO", "XU100"])

    assert request.url == "https://v.example/q?s=THYAO&s=XU100&key=simulated-key"
    assert (request.method, request.body) == ("GET", None)


def test_a_query_has_a_comma_list() -> None:
    protocol = polled('  url: "https://v.example/q?x=1"\n  query: {s: "{symbols}"}\n', "symbols: {prefix: 'BIST:'}\n")

    assert protocol.request(["THYAO", "XU100"]).url == "https://v.example/q?x=1&s=BIST:THYAO,BIST:XU100"
    assert protocol.most_symbols == 20


def test_a_path_names_one_symbol() -> None:
    protocol = polled('  url: "https://v.example/q/{symbol}?key={secret}"\n', "symbols: {suffix: '/X', case: lower}\n")

    assert protocol.request(["THYAO"]).url == "https://v.example/q/thyao%2Fx?key=simulated-key".replace("%2Fx", "%2FX")
    assert protocol.most_symbols == 1


def test_a_body_is_sent_as_json_with_a_list_of_symbols() -> None:
    request = polled('  body: {key: "{secret}", list: "{symbols}", text: "of {symbols}", n: 1}\n').request(["A1", "B2"])

    assert request.method == "POST"
    assert request.headers == {"Content-Type": "application/json"}
    assert request.body is not None
    assert json.loads(request.body) == {
        "key": "simulated-key", "list": ["A1", "B2"], "text": "of A1,B2", "n": 1,
    }  # fmt: skip


def test_a_body_may_be_text_of_any_kind() -> None:
    request = polled("  body: 'q={symbol}&x={\"a\":1}'\n  headers: {content-type: text/plain}\n").request(["THYAO"])

    assert request.body == b'q=THYAO&x={"a":1}'
    assert request.headers == {"content-type": "text/plain"}


def test_headers_bearer_and_basic() -> None:
    assert polled('  headers: {Authorization: "Bearer {secret}"}\n').request(()).headers == {
        "Authorization": "Bearer simulated-key"
    }
    protocol = polled('  basic: {user: "me", password: "{secret}"}\n')
    assert protocol.request(()).headers == {"Authorization": f"Basic {base64.b64encode(b'me:simulated-key').decode()}"}


def test_another_address_takes_the_place_of_scheme_and_host() -> None:
    vendor, keys = described(
        'poll:\n  url: "https://v.example:8/a/b?c=d"\n  fields: {symbol: s, price: p}\n  time: receive'
    )

    request = VendorPollProtocol(vendor, keys, "http://127.0.0.1:9200/bist/v/").request(())

    assert request.url == "http://127.0.0.1:9200/bist/v/a/b?c=d"
    assert request.label == "GET http://127.0.0.1:9200/bist/v/a/b"


def test_a_request_that_is_shown_shows_no_secret() -> None:
    request = polled(
        '  url: "https://v.example/{secret}/q?k={secret}"\n  query: {k: "{secret}"}\n  headers: {k: "{secret}"}\n'
        '  body: "{secret}"\n'
    ).request(())

    assert "simulated-key" in request.url
    assert "simulated-key" not in repr(request)
    assert "simulated-key" not in request.label


# Answers


@pytest.mark.parametrize(
    ("rows", "symbol", "answer"),
    [
        ("", "s", [{"s": "THYAO", "p": 1}]),
        ("", "s", {"s": "THYAO", "p": 1}),
        ("  rows: data.list\n", "s", {"data": {"list": [{"s": "THYAO", "p": 1}]}}),
        ("  rows: '1.0'\n", "s", [0, [[{"s": "THYAO", "p": 1}]]]),
        ("  rows: data\n", '"@key"', {"data": {"THYAO": {"p": 1}}}),
    ],
)
def test_rows_are_a_list_an_object_or_stand_under_their_symbols(rows: str, symbol: str, answer: Any) -> None:
    protocol = polled(rows, fields=f"  fields: {{symbol: {symbol}, price: p}}\n")

    assert quotes(protocol, answer, "THYAO") == (Quote(symbol="THYAO", price=Decimal(1), venue_time=None),)


def test_a_row_without_a_name_is_what_was_asked_for() -> None:
    protocol = polled('  url: "https://v.example/{symbol}"\n', fields='  fields: {symbol: "@asked", price: q.last}\n')

    assert quotes(protocol, {"q": {"last": "7"}}, "THYAO")[0].symbol == "THYAO"


def test_a_step_of_a_path_may_choose_from_a_list() -> None:
    book = {"levels": [{"side": "bid", "p": 1}, {"side": "ask", "p": 2}, {"side": "ask", "p": 3}]}

    assert find(book, ("levels", "side=ask", "p")) == 2
    assert find(book, ("levels", "1", "p")) == 2
    for path in (
        ("levels", "side=x", "p"),
        ("levels", "7"),
        ("levels", "-1"),
        ("levels", "x"),
        ("levels", "0", "p", "x"),
    ):
        assert find(book, path) is find({}, ("nowhere",))


def test_what_was_not_asked_for_is_ignored_and_what_lacks_is_absent() -> None:
    rows = [{"s": "GARAN.IS", "p": 1}, {"s": "F_THYAO0426", "p": 1}, {"s": "SISE.IS", "p": 1}]

    answer = polled(more="symbols: {suffix: .IS}\n").read(200, body(rows), ["GARAN", "THYAO"], NOON)

    assert [quote.symbol for quote in answer.quotes] == ["GARAN"]
    assert (answer.ignored, answer.absent) == (2, ("THYAO",))


def test_everything_is_taken_when_everything_was_asked_for() -> None:
    rows = [{"s": "GARAN", "p": 1}, {"s": "F_THYAO0426", "p": 1}, {"s": "XU100", "p": 1}]

    answer = polled().read(200, body(rows), (), NOON)

    assert [quote.symbol for quote in answer.quotes] == ["GARAN", "XU100"]
    assert answer.ignored == 1


def test_symbols_are_translated_both_ways() -> None:
    protocol = polled('  query: {s: "{symbols}"}\n', "symbols: {prefix: 'BIST:', case: lower, map: {XU100: BIST100}}\n")

    assert protocol.request(["THYAO", "XU100"]).url.endswith("?s=BIST:thyao,BIST100")
    rows = [{"s": "BIST:thyao", "p": 1}, {"s": "bist100", "p": 2}]
    assert [quote.symbol for quote in quotes(protocol, rows, "THYAO", "XU100")] == ["THYAO", "XU100"]


def test_only_rows_with_certain_values_are_wanted() -> None:
    protocol = polled("  only: {m.code: [E, 1], on: true}\n")
    rows = [
        {"s": "A1", "p": 1, "m": {"code": "E"}, "on": True},
        {"s": "A2", "p": 1, "m": {"code": 1}, "on": True},
        {"s": "A3", "p": 1, "m": {"code": "F"}, "on": True},
        {"s": "A4", "p": 1, "m": {"code": "E"}, "on": False},
        {"s": "A5", "p": 1},
    ]

    answer = protocol.read(200, body(rows), (), NOON)

    assert [quote.symbol for quote in answer.quotes] == ["A1", "A2"]
    assert answer.ignored == 3


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"s": "THYAO", "p": None}, "no_price"), ({"s": "THYAO"}, "no_price"), ({"s": "THYAO", "p": ""}, "no_price"),
        ({"s": "THYAO", "p": 0}, "no_price"), ({"s": "THYAO", "p": "x"}, "bad_number"),
        ({"s": "THYAO", "p": -1}, "bad_number"), ({"s": "THYAO", "p": True}, "bad_number"),
        ({"s": "THYAO", "p": [1]}, "bad_number"), ({"s": "THYAO", "p": "1e999999999"}, "bad_number"),
        ({"s": "THYAO", "p": "NaN"}, "bad_number"), ({"s": "THYAO", "p": "1_000"}, "bad_number"),
        ({"s": "THYAO", "p": "١"}, "bad_number"), ({"s": "THYAO", "p": 10**9}, "bad_number"),
        ({"s": "THYAO", "p": 1.123456789}, "bad_number"), ({"s": "THYAO", "p": 1, "v": -1}, "bad_number"),
        ({"s": "THYAO", "p": 1, "b": {}}, "bad_number"), ({"p": 1}, "symbol"), ({"s": "", "p": 1}, "symbol"),
        ({"s": None, "p": 1}, "symbol"), ({"s": {}, "p": 1}, "symbol"), ("THYAO", "shape"), (7, "shape"),
        (None, "shape"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_has_a_name_and_harms_no_other(row: Any, error: str) -> None:
    assert malformed(polled(), row) == error


def test_nothing_trades_at_nothing_but_a_size_may_be() -> None:
    row = {"s": "THYAO", "p": 2, "b": 0, "a": "0.00", "bs": 0, "v": 0, "pc": 0, "c": -1.5}

    assert quotes(polled(), row, "THYAO") == (
        Quote(
            symbol="THYAO", price=Decimal(2), bid_size=Decimal(0), volume=Decimal(0), change_pct=Decimal("-1.5"),
            venue_time=None,
        ),
    )  # fmt: skip


def test_numbers_keep_every_digit() -> None:
    answer = polled().read(200, b'[{"s":"A1","p":100.6170,"v":123456789012345.123456789}]', (), NOON)

    assert (answer.quotes[0].price, answer.quotes[0].volume) == (
        Decimal("100.617"),
        Decimal("123456789012345.123456789"),
    )


# Plausibility


def test_a_bid_above_the_ask_is_left_out_and_counted() -> None:
    answer = polled().read(200, body([{"s": "THYAO", "p": 2, "b": 3, "a": 1, "bs": 5, "as": 6}]), ["THYAO"], NOON)

    assert answer == Answer(
        quotes=(Quote(symbol="THYAO", price=Decimal(2), venue_time=None),),
        malformed=(Malformed("crossed", "bid 3 above ask 1: both left out", "THYAO"),),
    )


def test_labels_that_are_swapped_are_swapped_back() -> None:
    protocol = polled(more="plausible: {bidOverAsk: swap}\n")
    row = {"s": "THYAO", "p": 2, "b": 3, "a": 1, "bs": 5, "as": 6}

    [quote] = quotes(protocol, [row], "THYAO")

    assert (quote.bid, quote.ask, quote.bid_size, quote.ask_size) == tuple(map(Decimal, (1, 3, 6, 5)))


def test_a_price_far_from_the_previous_close_is_refused_if_the_file_says_so() -> None:
    row = {"s": "THYAO", "p": 30425, "pc": 300}

    assert malformed(polled(more="plausible: {within: 25}\n"), row) == "implausible"
    assert quotes(polled(), [row], "THYAO")[0].price == 30425


def test_a_price_outside_the_days_limits_is_refused() -> None:
    protocol = polled(fields="  fields: {symbol: s, price: p, lowerLimit: lo, upperLimit: hi}\n")

    assert malformed(protocol, {"s": "THYAO", "p": 111, "lo": 90, "hi": 110}) == "implausible"
    assert malformed(protocol, {"s": "THYAO", "p": 89, "lo": 90}) == "implausible"
    assert quotes(protocol, [{"s": "THYAO", "p": 110, "lo": 90, "hi": 110}], "THYAO")


# Numbers


@pytest.mark.parametrize(
    ("point", "thousands", "text", "number"),
    [
        (".", "", "306.50", "306.5"), (".", "", "+1.5", "1.5"), (".", "", " 1.5 ", "1.5"),
        (".", "", "-0.29", "-0.29"),
        (",", ".", "9.291,83", "9291.83"), (",", ".", "2.445.091.183,80", "2445091183.8"),
        (",", ".", "304,25", "304.25"),
        (",", ".", "12345,5", "12345.5"), (",", ".", "-1,25", "-1.25"), (".", ",", "1,234.5", "1234.5"),
        (",", " ", "1 234 567,8", "1234567.8"), (",", " ", "1\u00a0234,5", "1234.5"),
        (",", " ", "1\u202f234", "1234"),
        (".", "'", "1'234.5", "1234.5"), (",", "", "7,0", "7"), (",", ".", "9.291", "9291"),
    ],
)  # fmt: skip
def test_texts_become_numbers(point: str, thousands: str, text: str, number: str) -> None:
    read = NumberFormat(point, thousands).read(text)

    assert read is not None
    assert str(read) == number


@pytest.mark.parametrize(
    ("point", "thousands", "text"),
    [
        (",", ".", "9.29"), (",", ".", "1.2345,6"), (",", ".", "306.50"), (",", ".", "1,234,5"), (".", "", "1,5"),
        (",", "", "1.5"), (",", ".", "1..234"), (",", ".", ",5"), (",", ".", "1e5"), (".", "", "1 000"),
        (",", " ", "1 00"),
        (".", "", "0x10"), (".", "", "%5"), (",", ".", "٣"),
    ],
)  # fmt: skip
def test_a_number_in_another_format_is_none(point: str, thousands: str, text: str) -> None:
    """9.29 must not become 929 on the day that the vendor goes over to points."""
    with pytest.raises(ValueError, match=r"."):
        NumberFormat(point, thousands).read(text)


def test_what_stands_for_no_number() -> None:
    numbers = NumberFormat(none=("-", "N/A"))

    assert [numbers.read(value) for value in (None, "", "  ", "-", "N/A")] == [None] * 5
    assert numbers.read_percent("%1.25") == numbers.read_percent(" 1.25 % ") == Decimal("1.25")
    assert numbers.read_percent(Literal("-0.5")) == Decimal("-0.5")


# Times

AT = 1777291509000  # 27 April 2026 15:05:09 in Istanbul


@pytest.mark.parametrize(
    ("time", "row", "at"),
    [
        ("{field: t, format: seconds}", {"t": 1777291509}, AT),
        ("{field: t, format: seconds}", {"t": "1777291509.25"}, AT + 250),
        ("{field: t, format: seconds}", {"t": 1777291509.25}, AT + 250),
        ("{field: t, format: milliseconds}", {"t": AT}, AT),
        ("{field: t}", {"t": "2026-04-27T15:05:09"}, AT),
        ("{field: t}", {"t": "2026-04-27T15:05:09+03"}, AT),
        ("{field: t}", {"t": "2026-04-27T15:05:09.000+03:00"}, AT),
        ("{field: t}", {"t": "2026-04-27T12:05:09Z"}, AT),
        ("{field: t}", {"t": "2026-04-27 15:05:09.7561532+03:00"}, AT + 756),
        ("{field: x.t, format: '%d.%m.%Y %H:%M:%S'}", {"x": {"t": "27.04.2026 15:05:09"}}, AT),
        ("{field: t, format: '%d.%m.%Y %H:%M:%S %z'}", {"t": "27.04.2026 12:05:09 +0000"}, AT),
        ("{date: d, time: t, format: '%d/%m/%Y %H%M%S'}", {"d": "27/04/2026", "t": "150509"}, AT),
        ("{date: d, time: t, format: '%Y%m%d %H%M%S'}", {"d": 20260427, "t": 150509}, AT),
        ("{date: d, time: t}", {"d": "2026-04-27", "t": "15:05:09"}, AT),
    ],
)
def test_times_become_milliseconds(time: str, row: dict[str, Any], at: int) -> None:
    fields = "  fields: {symbol: s, price: p}\n"

    assert quotes(polled(fields=fields, time=time), [row | {"s": "THYAO", "p": 1}], "THYAO")[0].venue_time == at


@pytest.mark.parametrize(
    "value",
    [
        None, "", "soon", "2026-04-27", "2026-13-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59", 1,
        True, [], {}, "1777291509", "2026-04-27T15:05:09+99", "٢٠٢٦-04-27T15:05:09",
    ],
)  # fmt: skip
def test_a_row_whose_time_cannot_be_read_is_malformed(value: Any) -> None:
    """Without its time nobody could tell how old it is."""
    assert malformed(polled(time="{field: t}"), {"s": "THYAO", "p": 1, "t": value}) == "bad_time"


@pytest.mark.parametrize(("unit", "value"), [("seconds", AT), ("milliseconds", AT // 1000), ("seconds", "1e5")])
def test_a_time_in_the_wrong_unit_is_malformed(unit: str, value: Any) -> None:
    protocol = polled(time=f"{{field: t, format: {unit}}}")

    answer = protocol.read(200, body([{"s": "THYAO", "p": 1, "t": value}]), ["THYAO"], NOON)

    assert [each.error for each in answer.malformed] == ["bad_time"]


def test_a_zone_other_than_istanbuls() -> None:
    protocol = polled(time="{field: t}", more="zone: UTC\n")

    assert quotes(protocol, [{"s": "THYAO", "p": 1, "t": "2026-04-27T12:05:09"}], "THYAO")[0].venue_time == AT


# Refusals


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, "rejected"), (400, "rejected"), (401, "forbidden"), (402, "forbidden"), (403, "forbidden"),
        (404, "unknown"), (408, "unavailable"), (418, "limited"), (422, "rejected"), (429, "limited"),
        (500, "unavailable"), (503, "unavailable"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", [b"", b"<html>", b"{}", b"[1]", b"\xff"])
def test_a_status_means_what_it_means(status: int, error: str, text: bytes) -> None:
    with pytest.raises(Refused, match=f"status {status}") as raised:
        polled(more="errors: {statuses: {418: limited}}\n").read(status, text, ["THYAO"], NOON)

    assert raised.value.error == error


def test_a_code_beats_the_status_and_its_words_are_told() -> None:
    protocol = polled(more="errors: {code: e, text: m.0, names: {7: limited}}\n")

    with pytest.raises(Refused, match="limited: status 401: 7: come back later") as raised:
        protocol.read(401, body({"e": 7, "m": ["come back later"]}), ["THYAO"], NOON)

    assert raised.value.error == "limited"


def test_no_error_repeats_the_secret() -> None:
    vendor = parse_vendor(
        "vendor: V\nlicence: l\ndelay: 0\npoll: {url: 'https://v.example/?k={secret}', fields: {symbol: s, price: p}, "
        "time: receive}\nerrors: {code: e, text: m}\n",
        "v.yaml",
    )
    protocol = VendorPollProtocol(vendor, secrets(SecretStr("hunter2+hunter2"), vendor.secret_names))

    for status, value in (
        (401, b'{"e": "no", "m": "the key hunter2+hunter2 or k=hunter2%2Bhunter2 may not"}'),
        (200, b"<html>" + b" " * 150 + b"hunter2+hunter2</html>"),
        (200, b"hunter2+hunter2"),
        (200, b'{"e": "hunter2+hunter2"}'),
    ):
        with pytest.raises((Refused, MalformedAnswer)) as raised:
            protocol.read(status, value, ["THYAO"], NOON)
        assert "hunter2" not in str(raised.value)

    answer = protocol.read(200, b'[{"s":"THYAO","p":"hunter2+hunter2"}]', ["THYAO"], NOON)
    assert "hunter2" not in repr(answer)


# Lists of symbols


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("rows: data\n  symbol: c\n  name: n", {"data": [{"c": "THYAO.E", "n": "THY"}, {"c": "F_X", "n": ""}]}),
        ('rows: data\n  symbol: "@key"\n  name: n', {"data": {"THYAO.E": {"n": "THY"}, "?": {}}}),
    ],
)
def test_a_list_of_symbols_and_names(text: str, answer: Any) -> None:
    vendor, keys = described(
        "symbols: {suffix: .E}\npoll: {url: 'https://v.example/', fields: {symbol: s, price: p}, time: receive}\n"
        f"list:\n  url: https://v.example/all?k={{secret}}\n  {text}\n"
    )
    listing = VendorListing(vendor, keys, "http://127.0.0.1:1")

    assert listing.request().url == "http://127.0.0.1:1/all?k=simulated-key"
    assert listing.read(200, body(answer)) == {"THYAO": "THY"}


def test_a_list_may_hold_nothing_but_symbols_and_must_hold_some() -> None:
    vendor, keys = described(
        "poll: {url: 'https://v.example/', fields: {symbol: s, price: p}, time: receive}\n"
        "list: {url: 'https://v.example/all', symbol: '@row'}\n"
    )
    listing = VendorListing(vendor, keys)

    assert listing.read(200, b'["THYAO", "GARAN", "O_X"]') == {"THYAO": None, "GARAN": None}
    for text in (b"[]", b"[1.5]", b'{"a":1}', b"7", b"<html>"):
        with pytest.raises(MalformedAnswer):
            listing.read(200, text)
    with pytest.raises(Refused):
        listing.read(403, b"")


def test_json_is_read_with_a_byte_order_mark() -> None:
    assert decode(b"\xef\xbb\xbf [1] ") == [1]
