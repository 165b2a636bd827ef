"""A vendor's file is checked as a whole before anything is sent: each wrong thing is told with its line."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from spark_ingest_bist.secretvalues import MissingSecret, Secrets, secrets
from spark_ingest_bist.templates import Template
from spark_ingest_bist.vendorcall import Filler
from spark_ingest_bist.vendorfile import BadVendorFile, parse_vendor, read_vendor
from support import vendors

FILE = """\
vendor: Acme
licence: by contract
delay: 15
symbols:
  suffix: .IS
poll:
  url: https://api.acme.example/quotes?key={secret}
  query:
    s: "{symbols}"
  interval: 10
  timeout: 5
  rows: data
  fields:
    symbol: code
    price: last
  time:
    field: at
    format: iso
errors:
  code: error
  names:
    NO: forbidden
"""


def complaints(text: str) -> list[str]:
    with pytest.raises(BadVendorFile) as raised:
        parse_vendor(text, "acme.yaml")
    return str(raised.value).splitlines()


def changed(old: str, new: str) -> str:
    assert FILE.count(old) == 1
    return FILE.replace(old, new)


def test_the_file_is_well_as_it_is() -> None:
    vendor = parse_vendor(FILE, "acme.yaml")

    assert vendor.poll is not None
    assert (vendor.vendor, vendor.delay_ms, vendor.zone) == ("Acme", 900_000, "Europe/Istanbul")
    assert (vendor.poll.most_symbols, vendor.poll.timeout_s, vendor.secret_names) == (20, 5, {""})


@pytest.mark.parametrize("name", vendors.NAMES)
def test_every_example_is_well_and_tells_of_its_licence(name: str) -> None:
    vendor = read_vendor(vendors.FOLDER / f"{name}.yaml")

    assert vendor.licence
    assert vendor.delay == 15  # what is free to have; nobody is to be told that it is real-time by an example


def test_every_example_is_tested() -> None:
    assert {file.stem for file in vendors.FOLDER.glob("*.yaml")} == set(vendors.NAMES)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("vendor: Acme\n", "", 1, "vendor is missing; it takes the vendor's name, for logs"),
        ("licence: by contract\n", "", 1, "licence is missing; it takes who may see the data, and by what contract"),
        ("delay: 15\n", "", 1, "delay is missing; it takes minutes that the data is behind the market, 0 for real-"),
        ("delay: 15", "delay: soon", 3, "delay: 'soon' cannot be used (Input should be a valid number"),
        ("delay: 15", "delay: -1", 3, "delay: -1 cannot be used (Input should be greater than or equal to 0)"),
        ("delay: 15", "dellay: 15", 3, "dellay is not a key here; did you mean delay?"),
        ("delay: 15", "delay: 15\nzone: Europe/Ankara", 4, "zone: 'Europe/Ankara' cannot be used (there is no such z"),
        ("symbols:\n", "symbols: {}\nsymbols:\n", 5, 'not YAML: found duplicate key "symbols"'),
        ("  suffix: .IS", "  sufix: .IS", 5, "symbols.sufix is not a key here; did you mean suffix?"),
        ("  suffix: .IS", "  case: title", 5, "symbols.case: 'title' cannot be used (Input should be 'upper' or 'lo"),
        ("  suffix: .IS", "  map: {XU100: B, XU030: b}", 5, "symbols.map: two of ours have the same one of theirs"),
        ("https://api", "htps://api", 7, "poll.url cannot be used (it does not begin like https://host/ or http://"),
        ("https://api", "https://me:pw@api", 7, "poll.url cannot be used (it does not begin like https://host/"),
        ("{secret}", "{secrets}", 7, "poll.url cannot be used ({secrets} is nothing to fill in; did you mean {secret"),
        ("{symbols}", "{symbls}", 9, "poll.query.s cannot be used ({symbls} is nothing to fill in; did you mean {sy"),
        ("interval: 10", "intervall: 10", 10, "poll.intervall is not a key here; did you mean interval?"),
        ("interval: 10", "interval: 0.1", 10, "poll.interval: 0.1 cannot be used (Input should be greater than or e"),
        ("interval: 10", "batch: 0", 10, "poll.batch: 0 cannot be used (Input should be greater than or equal to 1)"),
        ("timeout: 5", "timeout: 10", 11, "poll.timeout: 10 s is not less than the interval of 10 s"),
        ("timeout: 5", "body: {q: \"{symbol}\"}", 7, "poll.url: {symbol} and {symbols} are both in the request"),
        ("timeout: 5", "method: GET\n  body: x", 12, "poll.body: a GET has none; write method: POST"),
        ("timeout: 5", "method: PUT", 11, "poll.method: 'PUT' cannot be used (Input should be 'GET' or 'POST')"),
        ("timeout: 5", "headers: {a b: c}", 11, "poll.headers.a b cannot be used (String should match pattern"),
        ("timeout: 5", "headers:\n    a: \"x\\ny\"", 12, "poll.headers.a cannot be used (a header takes plain letters"),
        ("timeout: 5", "headers: {a: \"{symbol}\"}", 11, "poll.headers.a cannot be used (only {secret} can be filled"),
        ("timeout: 5", "body: {at: 2026-01-01}", 11, "poll.body cannot be used (2026-01-01 is nothing that JSON has"),
        ("timeout: 5", "body: &a {x: *a}", 11, "poll.body cannot be used (it is nested too deeply, or contains it"),
        ("    s: \"{symbols}\"", "    s: x", 7, "batch"),
        ("rows: data", "rows: data..x", 12, "poll.rows: 'data..x' cannot be used (a part between two points is emp"),
        ("    symbol: code\n", "", 13, "poll.fields.symbol is missing; it takes the path to the symbol, @key where"),
        ("symbol: code", "symbol: \"@asked\"", 13, "poll.fields: symbol: @asked needs requests for one symbol each"),
        ("price: last", "prise: last", 15, "poll.fields.prise is not a key here; did you mean price?"),
        ("price: last", "bid: last", 13, "poll.fields: it lacks price"),
        ("price: last", "price: [last]", 15, "poll.fields.price cannot be used (it is no path); it takes the path"),
        ("    field: at\n    format: iso", "    date: at", 17, "poll.time.date: date needs time: a moment is never gu"),
        ("    field: at\n    format: iso", "    format: iso", 16, "poll.time cannot be used (it names no field; with"),
        ("format: iso", "format: \"%H:%M\"", 18, "poll.time.format: '%H:%M': it tells no year, as %d/%m/%Y %H%M%S d"),
        ("format: iso", "format: \"%Q\"", 18, "poll.time.format: '%Q': 'Q' is a bad directive in format '%Q'"),
        ("format: iso", "format: epoch", 18, "poll.time.format: 'epoch': it tells no year"),
        ("field: at", "field: at\n    date: d", 17, "poll.time.field: there are field and date or time"),
        ("  code: error\n", "", 20, "errors.names: they need code: the path to the error's code"),
        ("NO: forbidden", "NO: denied", 22, "errors.names.NO: 'denied' cannot be used (Input should be 'limited', 'f"),
        ("  code: error", "  statuses: {200: limited}\n  code: error", 20, "errors.statuses.200: 200 cannot be used"),
        ("errors:", "errors: [\nx:", 21, "not YAML: "),
        ("errors:", "numbers: {decimal: \".\", thousands: \".\"}\nerrors:", 19, "numbers.thousands: it is"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, what: str) -> None:
    if what == "batch":  # wrong only together with the names that are no longer there
        first, *_ = complaints(changed(old, new).replace("interval: 10", "batch: 5"))
        assert first.startswith("acme.yaml, line 10: poll.batch: the request names no symbol, so that all come at")
        return

    first, *more = complaints(changed(old, new))

    assert first.startswith(f"acme.yaml, line {line}: {what}")
    assert not more


@pytest.mark.parametrize(
    ("old", "new", "line", "advice"),
    [
        ("delay: 15", "delay: 2,5", 3, "(a number has a point, not a comma)"),
        ("delay: 15", 'delay: "2,5"', 3, "(a number has a point, not a comma)"),
        ('    s: "{symbols}"', "    s: {symbols}", 9, '({symbols} wants quotes: "{symbols}")'),
        ("  interval: 10", "  body: {s: {symbols}}", 10, '({symbols} wants quotes: "{symbols}")'),
        ("  interval: 10", "  headers: {key: {secret.A}}", 10, '({secret.A} wants quotes: "{secret.A}")'),
        ("    price: last", "   price: last", 15, "; see that the keys of one section begin in one column"),
        ("    price: last", "\tprice: last", 15, "; indent with blanks, not with tabs"),
        ("  rows: data", "  rows: a: b", 12, "; see that the keys of one section begin in one column"),
        ("    price: last", "    price: @last", 15, "; see that the keys of one section begin in one column"),
    ],
)
def test_what_newcomers_to_yaml_do_wrong_is_told_with_what_to_do(old: str, new: str, line: int, advice: str) -> None:
    """Braces without quotes are YAML's mapping: a body with them was sent as one, and the vendor refused it."""
    first, *more = complaints(changed(old, new))

    assert first.startswith(f"acme.yaml, line {line}: ")
    assert advice in first
    assert not more


def test_several_errors_are_told_together_in_the_order_of_lines() -> None:
    text = changed("delay: 15", "delay: x").replace("rows: data", "row: data").replace("price: last", "prize: last")

    assert [line.partition(": ")[0] for line in complaints(text)] == [
        "acme.yaml, line 3", "acme.yaml, line 12", "acme.yaml, line 15",
    ]  # fmt: skip


WS = """\
vendor: Acme
licence: by contract
delay: 0
ws:
  url: wss://acme.example/ws
  subscribe: {t: sub, s: "{symbols}"}
  heartbeat:
    send: {t: beat}
    every: 30
  type: t
  messages:
    q:
      fields: {symbol: s, price: p}
      time: receive
    x: ignore
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("wss://", "https://", 5, "ws.url cannot be used (it does not begin like wss://host/ or ws://host/)"),
        ("every: 30", "evry: 30", 9, "ws.heartbeat.evry is not a key here; did you mean every?"),
        ("    every: 30\n", "", 7, "ws.heartbeat.every is missing; it takes seconds, up to 86400"),
        ("send: {t: beat}", "send: \"{symbol}\"", 8, "ws.heartbeat.send: only {secret} can be filled in here"),
        ("  type: t\n", "", 10, "ws.messages: they need type: the path to a frame's type"),
        ("price: p", "bid: p", 11, "ws.messages: no frame has a price"),
        ("symbol: s", "symbol: \"@asked\"", 11, "ws.messages: @asked is for requests; a frame names its symbol"),
        ("x: ignore", "x: ignored", 15, "ws.messages.x: 'ignored' cannot be used (Input should be a valid dictionary"),
        ("      time: receive\n", "", 12, "ws.messages.q.time is missing; it takes receive, or where the market's"),
        ("time: receive", "time: recieve", 14, "ws.messages.q.time: 'recieve' cannot be used (it is neither the word"),
        ("  type: t\n", "  type: t\n  rows: d\n", 10, "ws.type: with types, rows, fields, time and only belong under"),
        ("ws:\n", "wss:\n", 1, "vendor: there is neither poll nor ws"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_socket_is_told_with_its_line(old: str, new: str, line: int, what: str) -> None:
    assert WS.count(old) == 1
    found = complaints(WS.replace(old, new))

    if old == "ws:\n":  # the key is wrong, and that there is then no source is not told as well
        assert found == ["acme.yaml, line 4: wss is not a key here; did you mean ws?"]
        return
    assert found[0].startswith(f"acme.yaml, line {line}: {what}")


def test_a_key_that_was_written_into_the_file_is_not_told() -> None:
    text = changed("https://api.acme.example/quotes?key={secret}", "ftp://acme.example/?key=hunter2hunter2")
    text = text.replace('s: "{symbols}"', "s: [hunter2hunter2]")

    assert "hunter2" not in "\n".join(complaints(text))


@pytest.mark.parametrize("text", ["", "x", "[1]", "- a", "\0", "a: b: c", "&a [*a]", "? {a: b}\n: c", "%YAML 9.9\n---"])
def test_what_is_no_description_is_an_error_and_nothing_else(text: str) -> None:
    assert complaints(text)[0].startswith("acme.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadVendorFile, match=r"gone\.yaml: cannot be read .*; name a readable YAML file"):
        read_vendor(tmp_path / "gone.yaml")


def test_one_secret_stands_alone_and_several_have_names() -> None:
    assert secrets(SecretStr("a=b=c"), {""})[""] == "a=b=c"
    assert secrets(None, set()).scrubbed("nothing to hide") == "nothing to hide"
    both = secrets(SecretStr("# mine\nKEY = k1\n\nTOKEN=t=2\n"), {"KEY", "TOKEN"})
    assert (both["KEY"], both["TOKEN"]) == ("k1", "t=2")


@pytest.mark.parametrize(
    ("given", "wanted", "what"),
    [
        (None, {""}, "{secret} is needed; set SPARK_BIST_SECRET or SPARK_BIST_SECRET_FILE"),
        (" \n", {"KEY"}, "{secret.KEY} is needed; set SPARK_BIST_SECRET"),
        ("hunter2", {"KEY"}, "{secret.KEY} is needed, and SPARK_BIST_SECRET has no line KEY=VALUE"),
        ("KEY=\nTOKEN=hunter2", {"KEY", "TOKEN"}, "{secret.KEY} is needed, and SPARK_BIST_SECRET has no line KEY="),
        ("hunter2\nhunter3", {""}, "SPARK_BIST_SECRET has several lines or unprintable letters"),
    ],
)
def test_a_secret_that_is_missing_is_named_and_none_is_told(given: str | None, wanted: set[str], what: str) -> None:
    with pytest.raises(MissingSecret) as raised:
        secrets(None if given is None else SecretStr(given), wanted)

    assert str(raised.value).startswith(what)
    assert "hunter" not in str(raised.value)


def test_a_secret_is_hidden_however_it_is_spelled() -> None:
    keys = Secrets({"": 'a/b+c: "d"'})

    assert repr(keys) == "Secrets(1)"
    for spelled in (
        'a/b+c: "d"', "a/b%2Bc%3A%20%22d%22", "a%2Fb%2Bc%3A+%22d%22", "a%2Fb%2Bc:%20%22d%22", "a%2fb%2bc:%20%22d%22",
        'a/b+c: \\"d\\"', r"a\/b\u002bc:\u0020\u0022d\u0022",
    ):  # fmt: skip
        assert keys.scrubbed(f"<{spelled}>") == "<**********>"
    assert keys.scrubbed("<a/b+c>") == "<a/b+c>"


def test_a_secret_is_hidden_as_it_stands_in_our_own_address() -> None:
    """A vendor may repeat the whole address in an error."""
    keys = Secrets({"": "k:e/y=="})
    address = Filler(keys, None).address(Template("https://v.example/{secret}"))

    assert keys.scrubbed(f"no such page: {address}") == "no such page: https://v.example/**********"


def test_secrets_with_and_without_names_do_not_mix() -> None:
    text = changed("key={secret}", "key={secret}&user={secret.USER}")

    assert complaints(text) == [
        "acme.yaml, line 1: vendor: there are {secret} and {secret.NAME}; give every secret a name, or have only one"
    ]
