"""A vendor that sends by itself: what it is told, and how its frames of several types become one quote."""

from decimal import Decimal
from typing import Any

import pytest

from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Quote, Refused
from spark_ingest_bist.rows import Rows, Verdict
from spark_ingest_bist.vendorpush import VendorPushProtocol
from spark_market.instruments import Mode
from support.examples import NOON
from support.vendors import body, described

T0 = 1777273500000  # 27 April 2026 10:05 in Istanbul
DAY = 86_400_000
TYPES = """
  type: t
  messages:
    price:
      rows: d
      fields: {symbol: s, price: p, high: h, previousClose: pc}
      time: {field: d, format: milliseconds}
    quote:
      rows: d
      fields: {symbol: s, bid: b, ask: a}
      time: {field: d, format: milliseconds}
    bare:
      fields: {symbol: s, bid: b, price: p}
      time: receive
    beat: ignore
"""


def pushing(ws: str = TYPES, more: str = "", *symbols: str) -> VendorPushProtocol:
    protocol = VendorPushProtocol(*described(f'ws:\n  url: "wss://v.example/ws"\n{ws}{more}'))
    protocol.opening(symbols)
    return protocol


def told(protocol: VendorPushProtocol, kind: str, at: int = T0, **row: Any) -> Quote:
    answer = protocol.receive(body({"t": kind, "d": {"s": "THYAO", "d": at, **row}}), NOON)
    assert answer.malformed == ()
    [quote] = answer.quotes
    return quote


def silent(protocol: VendorPushProtocol, kind: str, at: int = T0, **row: Any) -> None:
    assert protocol.receive(body({"t": kind, "d": {"s": "THYAO", "d": at, **row}}), NOON) == Answer()


# What it is told


def test_a_subscription_names_so_many_symbols_a_frame() -> None:
    protocol = pushing('  subscribe: [{k: "{secret}"}, {s: "{symbols}"}]\n  batch: 2\n' + TYPES)

    assert protocol.opening(["A1", "B2", "C3"]) == ['{"k":"simulated-key"}', '{"s":["A1","B2"]}', '{"s":["C3"]}']


def test_a_subscription_may_be_text_and_name_one_symbol_each() -> None:
    protocol = pushing("  subscribe: 'sub {symbol} {\"x\":1}'\n  batch: 1\n" + TYPES, "symbols: {suffix: .E}\n")

    assert protocol.opening(["A1", "B2"]) == ['sub A1.E {"x":1}', 'sub B2.E {"x":1}']


def test_a_word_stands_for_everything_or_for_more_than_fits() -> None:
    protocol = pushing('  subscribe: {s: "{symbols}"}\n  batch: 2\n  all: ALL\n' + TYPES)

    assert protocol.opening([]) == ['{"s":["ALL"]}']
    assert protocol.opening(["A1", "B2"]) == ['{"s":["A1","B2"]}']
    assert protocol.opening(["A1", "B2", "C3"]) == ['{"s":["ALL"]}']


def test_of_everything_only_what_was_asked_for_is_taken() -> None:
    protocol = pushing('  subscribe: {s: "{symbols}"}\n  batch: 1\n  all: ALL\n' + TYPES, "", "A1", "B2")

    answer = protocol.receive(body({"t": "price", "d": {"s": "C3", "p": 1, "d": T0}}), NOON)

    assert answer == Answer(ignored=1)


def test_without_a_word_for_it_everything_cannot_be_asked_for() -> None:
    assert pushing('  subscribe: {s: "{symbols}"}\n' + TYPES).opening([]) == []
    assert pushing("  subscribe: {s: everything}\n" + TYPES).opening([]) == ['{"s":"everything"}']


def test_a_heartbeat_is_due_so_often() -> None:
    protocol = pushing('  heartbeat: {send: {t: H, k: "{secret}"}, every: 600}\n' + TYPES)

    assert protocol.keepalive() == (600, '{"t":"H","k":"simulated-key"}')
    assert pushing().keepalive() is None


def test_the_address_and_the_headers_are_not_shown() -> None:
    protocol = VendorPushProtocol(
        *described('ws:\n  url: "wss://v.example/ws?k={secret}"\n  headers: {k: "{secret}"}\n' + TYPES),
        "http://127.0.0.1:9200/bist/v",
    )

    endpoint = protocol.endpoint()

    assert endpoint.url == "ws://127.0.0.1:9200/bist/v/ws?k=simulated-key"
    assert endpoint.headers == {"k": "simulated-key"}
    assert endpoint.label == "ws://127.0.0.1:9200/bist/v/ws"
    assert "simulated-key" not in repr(endpoint)
    assert "simulated-key" not in endpoint.scrubbed(f"cannot reach {endpoint.url}")


# What it says


def test_frames_of_several_types_are_put_together() -> None:
    protocol = pushing()

    told(protocol, "price", p=100, h=105, pc=99)
    both = told(protocol, "quote", T0 + 1, b=99, a=101)
    last = told(protocol, "price", T0 + 2, p=101)

    assert both == Quote(
        symbol="THYAO", price=Decimal(100), high=Decimal(105), previous_close=Decimal(99), bid=Decimal(99),
        ask=Decimal(101), venue_time=T0 + 1,
    )  # fmt: skip
    assert last == Quote(
        symbol="THYAO", price=Decimal(101), high=Decimal(105), previous_close=Decimal(99), bid=Decimal(99),
        ask=Decimal(101), venue_time=T0 + 2,
    )  # fmt: skip


def test_there_is_no_quote_before_there_is_a_price_and_then_it_is_whole() -> None:
    protocol = pushing()

    silent(protocol, "quote", b=99, a=101)

    assert told(protocol, "price", p=100).bid == Decimal(99)


def test_what_is_said_to_be_nothing_is_nothing_and_what_is_left_out_stays() -> None:
    protocol = pushing()
    told(protocol, "price", p=100)
    told(protocol, "quote", b=99, a=101)

    assert told(protocol, "quote", a=102).bid == Decimal(99)
    assert told(protocol, "quote", b=None, a=102).bid is None
    assert told(protocol, "quote", b="", a=102).ask == Decimal(102)


def test_symbols_do_not_mix() -> None:
    protocol = pushing()
    told(protocol, "price", p=100)

    answer = protocol.receive(body({"t": "price", "d": {"s": "GARAN", "d": T0, "p": 5}}), NOON)

    assert answer.quotes == (Quote(symbol="GARAN", price=Decimal(5), venue_time=T0),)


def test_what_was_learnt_dies_with_the_connection() -> None:
    told(pushing(), "price", p=100)

    silent(pushing(), "quote", b=99, a=101)


def test_a_late_frame_is_told_with_its_time_and_not_kept() -> None:
    """Who reads the quotes sees by its time that it is late, and counts it."""
    protocol = pushing()
    told(protocol, "price", T0 + 10, p=100)

    late = told(protocol, "price", T0, p=90, h=95)
    after = told(protocol, "quote", T0 + 11, b=99, a=101)

    assert (late.price, late.venue_time) == (Decimal(90), T0)
    assert (after.price, after.high) == (Decimal(100), None)


def test_types_have_times_of_their_own() -> None:
    """A quote that is a moment older than the last price is no late quote, and is not to be taken for one."""
    protocol, rows = pushing(), Rows(Mode.REAL)
    rows.take(told(protocol, "price", T0 + 10, p=100), NOON, T0 + 20)

    quoted = told(protocol, "quote", T0 + 5, b=99, a=101)

    assert rows.take(quoted, NOON, T0 + 20) is Verdict.CHANGED
    assert rows.ticker is not None
    assert (rows.ticker.price, rows.ticker.bid, rows.ticker.venue_time) == (Decimal(100), Decimal(99), T0 + 10)
    assert told(protocol, "price", T0 + 11, p=100).bid == Decimal(99)


def test_what_a_type_says_of_a_day_before_is_not_put_together_with_today() -> None:
    """Vendors begin with what they know last of each type: of a thin share that may be yesterday's."""
    protocol = pushing()
    told(protocol, "price", T0 + DAY, p=100)

    silent(protocol, "quote", T0, b=89, a=91)

    assert told(protocol, "price", T0 + DAY + 1, p=101) == Quote(
        symbol="THYAO", price=Decimal(101), venue_time=T0 + DAY + 1
    )  # fmt: skip


def test_a_new_day_begins_with_nothing() -> None:
    protocol = pushing()
    told(protocol, "price", p=100, h=105, pc=99)

    assert told(protocol, "price", T0 + DAY, p=101) == Quote(
        symbol="THYAO", price=Decimal(101), venue_time=T0 + DAY
    )  # fmt: skip
    late = told(protocol, "price", T0, p=100)
    assert late.venue_time == T0


def test_a_type_without_time_has_none_and_keeps_the_day() -> None:
    protocol = pushing()
    told(protocol, "price", p=100, h=105)

    answer = protocol.receive(b'{"t":"bare","s":"THYAO","b":99}', NOON + 300 * DAY)

    assert answer.quotes == (
        Quote(symbol="THYAO", price=Decimal(100), high=Decimal(105), bid=Decimal(99), venue_time=None),
    )


@pytest.mark.parametrize(
    ("row", "error"),
    [({"p": 0}, "no_price"), ({"p": None}, "no_price"), ({"p": "x"}, "bad_number"), ({"d": "x"}, "bad_time")],
)
def test_a_row_that_cannot_be_read_is_not_kept(row: dict[str, Any], error: str) -> None:
    protocol = pushing()
    told(protocol, "price", p=100)

    answer = protocol.receive(body({"t": "price", "d": {"s": "THYAO", "d": T0, "p": 90, "h": 1000} | row}), NOON)

    assert [each.error for each in answer.malformed] == [error]
    assert told(protocol, "quote", b=99, a=101).high is None


def test_what_is_implausible_is_not_kept() -> None:
    protocol = pushing(more="plausible: {within: 20}\n")
    told(protocol, "price", p=100, pc=100)

    answer = protocol.receive(body({"t": "price", "d": {"s": "THYAO", "d": T0, "p": 10000}}), NOON)

    assert [each.error for each in answer.malformed] == ["implausible"]
    assert told(protocol, "quote", b=99, a=101).price == Decimal(100)


def test_a_bid_and_an_ask_from_two_frames_may_cross() -> None:
    protocol = pushing()
    told(protocol, "price", p=100)

    answer = protocol.receive(body({"t": "quote", "d": {"s": "THYAO", "d": T0, "b": 102, "a": 101}}), NOON)

    assert answer.quotes == (Quote(symbol="THYAO", price=Decimal(100), venue_time=T0),)
    assert answer.malformed == (Malformed("crossed", "bid 102 above ask 101: both left out", "THYAO"),)


def test_one_frame_may_have_many_rows() -> None:
    protocol = pushing("  fields: {symbol: s, price: p}\n  time: receive\n")

    answer = protocol.receive(b'[{"s":"A1","p":1},{"s":"B2","p":"x"},{"s":"F_X","p":1},7]', NOON)

    assert [quote.symbol for quote in answer.quotes] == ["A1"]
    assert [(each.error, each.symbol) for each in answer.malformed] == [("bad_number", "B2"), ("shape", None)]
    assert answer.ignored == 1


@pytest.mark.parametrize("frame", [b'{"t":"beat"}', b'{"t":"new"}', b'{"t":7}', b'{"t":true,"d":{"s":1}}'])
def test_other_types_are_ignored(frame: bytes) -> None:
    assert pushing().receive(frame, NOON) == Answer(ignored=1)


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (b"pong", "not_json"), (b"", "not_json"), (b"<html>", "html"), (b"{}", "shape"), (b"[]", "shape"),
        (b"7", "shape"), (b'{"t":null}', "shape"), (b'{"t":"price"}', "shape"), (b'{"t":"price","d":null}', "shape"),
        (b'{"t":"price","d":7}', "shape"), (b"[" * 100_000, "not_json"), (b'{"t":"\\ud800"}', "not_json"),
    ],
)  # fmt: skip
def test_a_frame_that_cannot_be_read_has_a_name(frame: bytes, error: str) -> None:
    with pytest.raises(MalformedAnswer) as raised:
        pushing().receive(frame, NOON)

    assert raised.value.error == error


def test_a_frame_may_be_a_refusal() -> None:
    protocol = pushing(
        '  headers: {k: "{secret}"}\n' + TYPES,
        "errors: {code: e, text: m, names: {AUTH: forbidden}, success: {path: ok, is: true}}\n",
    )

    with pytest.raises(Refused, match=r"the key .* may not") as raised:
        protocol.receive(b'{"e":"AUTH","m":"the key simulated-key may not"}', NOON)
    assert raised.value.error == "forbidden"
    assert "simulated-key" not in str(raised.value)
    with pytest.raises(Refused) as raised:
        protocol.receive(b'{"ok":false}', NOON)
    assert raised.value.error == "rejected"
    assert told(protocol, "price", p=100).price == Decimal(100)
    assert protocol.receive(b'{"t":"beat","ok":true}', NOON) == Answer(ignored=1)
