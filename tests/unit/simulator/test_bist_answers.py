"""What the simulated sources answer, asked without a socket: their shapes, their delays, and what can be wrong."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spark_market.sessions import NONE
from spark_simulator.bist import commands, pricing, pushed, vendors, yahoo
from spark_simulator.bist.answers import Reply
from spark_simulator.bist.assembly import Bist
from spark_simulator.bist.market import Quote
from spark_simulator.bist.view import Row
from spark_simulator.commands import BadCommand
from unit.simulator.moments import MONDAY, StandingClock, at

ROOT = Path(__file__).parents[3]
SAMPLES = Path(os.environ.get("SPARK_TEST_BIST_SAMPLES") or ROOT.parent / "shared" / "protocols" / "bist-samples.jsonl")

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
SPARK = "/bist/yahoo/v7/finance/spark"
IDEAL = "/bist/ideal/SembolVeri/SembolVeri1"
THYAO = Quote(
    "THYAO", "TURK HAVA YOLLARI", at("2026-04-27 10:05"), 30_425, 30_150, 30_600, 30_075, 30_050, 30_400, 30_425, 10, 20,
    30_050, 27_050, 33_050, 12_345_678, 375_625_000_000, 3_041_000,
)  # fmt: skip
XU100 = Quote("XU100", "BIST 100", at("2026-04-27 10:05"), 929_183, 929_000, 929_894, 906_991, 903_182)


class Asked:
    """One exchange at a time that stands."""

    def __init__(self, time: str = f"{MONDAY} 11:30", seed: int = 1) -> None:
        self.clock = StandingClock(at(time))
        self.bist = Bist(seed, self.clock, NONE)

    def get(self, target: str, headers: dict[str, str] | None = None) -> Reply:
        return self.bist.answers.get(target, BROWSER if headers is None else headers)

    def json(self, target: str, headers: dict[str, str] | None = None) -> Any:
        reply = self.get(target, headers)
        assert reply.status == 200, reply
        return json.loads(reply.body)

    def spark(self, *symbols: str) -> list[Any]:
        found: list[Any] = self.json(f"{SPARK}?symbols={','.join(symbols)}&range=1d&interval=1m")["spark"]["result"]
        return found

    def fault(self, name: str, **fields: object) -> None:
        command = commands.read(json.dumps({"fault": name, **fields}).encode())
        assert isinstance(command, commands.Lasting)
        self.bist.faults.begin(command, self.clock.ms)

    def ideal(self, *symbols: str) -> Any:
        return self.json(f"{IDEAL}?{'&'.join(f'Sembol={symbol}' for symbol in symbols)}&api_key=simulated-key")


@pytest.fixture
def asked() -> Asked:
    return Asked()


def meta(row: Any) -> Any:
    [response] = row["response"]
    return response["meta"]


# Yahoo


def test_a_spark_is_a_quarter_of_an_hour_old(asked: Asked) -> None:
    [share, index] = asked.spark("THYAO.IS", "XU100.IS")
    assert (share["symbol"], index["symbol"]) == ("THYAO.IS", "XU100.IS")
    told, now = meta(share), asked.bist.market.quote("THYAO", at(f"{MONDAY} 11:15"))
    assert now is not None
    assert told["regularMarketTime"] == now.time // 1000
    assert told["regularMarketPrice"] == pytest.approx(now.price / 100, rel=1e-6)
    assert told["regularMarketVolume"] == now.volume
    assert (told["currency"], told["exchangeName"], told["priceHint"]) == ("TRY", "IST", 2)
    assert "regularMarketVolume" not in meta(index)


def test_the_closing_price_stays_to_be_seen_at_night() -> None:
    asked = Asked(f"{MONDAY} 23:00")
    closing = asked.bist.market.quote("THYAO", at(f"{MONDAY} 18:10"))
    assert closing is not None
    assert meta(asked.spark("THYAO.IS")[0])["regularMarketTime"] == closing.time // 1000 > at(f"{MONDAY} 18:04") // 1000


def test_some_prices_went_through_32_bits(asked: Asked) -> None:
    """And most did not; rounded to the grid they are all the market's."""
    noisy = 0
    for row in asked.spark(*(f"{symbol}.IS" for symbol in list(asked.bist.market.instruments)[10:30])):
        price = meta(row)["regularMarketPrice"]
        quote = asked.bist.market.quote(row["symbol"].removesuffix(".IS"), at(f"{MONDAY} 11:15"))
        assert quote is not None and round(price * 100) == quote.price
        noisy += price != quote.price / 100
    assert 0 < noisy < 20


def test_yahoo_takes_twenty_symbols_and_leaves_out_what_it_does_not_know(asked: Asked) -> None:
    assert asked.get(f"{SPARK}?symbols={','.join(f'S{n}.IS' for n in range(21))}").status == 400
    assert asked.get(SPARK).status == 400
    assert [row["symbol"] for row in asked.spark("NOPE.IS", "THYAO.IS", "AAPL", "THYAO")] == ["THYAO.IS"]
    assert asked.get(f"{SPARK}?symbols=NOPE.IS").status == 404
    asked.fault("strict")
    strict = asked.get(f"{SPARK}?symbols=NOPE.IS,THYAO.IS")
    assert strict.status == 404 and json.loads(strict.body)["spark"]["error"]["code"] == "Not Found"


@pytest.mark.parametrize("headers", [{}, {"User-Agent": "Python/3.11 aiohttp/3.13"}])
def test_yahoo_turns_away_what_is_no_browser(asked: Asked, headers: dict[str, str]) -> None:
    reply = asked.get(f"{SPARK}?symbols=THYAO.IS", headers)
    assert (reply.status, reply.body) == (429, b"Too Many Requests\r\n")


def test_a_chart_has_bars_and_null_where_nothing_was_traded(asked: Asked) -> None:
    thin = list(asked.bist.market.instruments)[-1]
    for symbol in ("THYAO", thin):
        [found] = asked.json(f"/bist/yahoo/v8/finance/chart/{symbol}.IS?range=1d&interval=1m")["chart"]["result"]
        [bars] = found["indicators"]["quote"]
        if symbol == "THYAO":
            assert len(found["timestamp"]) == len(bars["close"]) == 75  # from 10:00 to 11:15
            assert None not in bars["close"]
            assert sum(bars["volume"]) == found["meta"]["regularMarketVolume"]
            assert bars["close"][-1] == pytest.approx(found["meta"]["regularMarketPrice"], rel=1e-6)
        else:
            assert None in bars["close"]
    missing = asked.get("/bist/yahoo/v8/finance/chart/NOPE.IS")
    assert missing.status == 404
    assert json.loads(missing.body) == {
        "chart": {
            "result": None,
            "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
        }
    }


# Vendors


def test_ideal_wants_a_key(asked: Asked) -> None:
    assert asked.ideal("GARAN", "NOPE", "XU100")[1]["g"] == ""
    for key in ("", "&api_key=wrong"):
        refused = asked.get(f"{IDEAL}?Sembol=GARAN{key}")
        assert refused.status == 401 and b'"Permission401"' in refused.body
    asked.fault("refuse", status=401, ip=True)
    assert b'"IpPermission401"' in asked.get(f"{IDEAL}?Sembol=GARAN&api_key=simulated-key").body
    asked.bist.faults.clear()
    asked.fault("limit", retryAfter=7)
    limited = asked.get(f"{IDEAL}?Sembol=GARAN&api_key=simulated-key")
    assert limited.status == 429 and b'"TooManyRequests"' in limited.body and limited.headers["Retry-After"] == "7"


def test_collectapi_wants_a_key_and_writes_as_turks_do(asked: Asked) -> None:
    path = "/bist/collectapi/economy/hisseSenedi"
    assert asked.get(path).status == 401
    answer = asked.json(path, {"Authorization": "apikey simulated-key"})
    rows = {row["code"]: row for row in answer["result"]}
    assert answer["success"] is True and len(rows) == 590
    assert rows["EGEEN"]["lastpricestr"].count(".") == rows["EGEEN"]["lastpricestr"].count(",") == 1


def test_bigpara_and_oneendeks_answer_anybody(asked: Asked) -> None:
    share = asked.json("/bist/bigpara/api/v1/borsa/hisseyuzeysel/THYAO", {})["data"]["hisseYuzeysel"]
    assert share["tavan"] > share["yuksek"] >= share["dusuk"] > share["taban"]
    assert asked.json("/bist/bigpara/api/v1/borsa/hisseyuzeysel/NOPE", {})["data"]["hisseYuzeysel"] is None
    assert len(asked.json("/bist/bigpara/api/v1/hisse/list", {})["data"]) == 590
    rows = asked.json("/bist/oneendeks?endeks=THYAO,XU100", {})
    assert [row["symbol"] for row in rows] == ["THYAO", "XU100"] and rows[0]["updateDate"].endswith("+03")
    wrong = asked.get("/bist/oneendeks?endeks=NOPE", {})
    assert wrong.status == 400 and json.loads(wrong.body)["error"]["code"] == "EINVAL"


def test_the_exchange_can_be_enumerated(asked: Asked) -> None:
    symbols = asked.json("/bist/symbols", {})
    assert len(symbols) == 600 and {"symbol": "THYAO", "name": "TURK HAVA YOLLARI"} in symbols


# The samples


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
    assert vendors.ideal(ideal)[2] | {"a": "", "b": ""} == {
        "a": "",
        "b": "",
        "c": "XU100",
        "d": "BIST 100",
        "e": "9291.83",
        "f": "9031.82",
        "g": "",
        "h": "",
        "i": "2.88",
        "j": "9298.94",
        "k": "9069.91",
    }
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


# Faults


def test_a_limit_has_a_retry_after_only_if_it_is_told_one(asked: Asked) -> None:
    asked.fault("limit")
    assert "Retry-After" not in asked.get(f"{SPARK}?symbols=THYAO.IS").headers
    asked.fault("limit", retryAfter=30, source="yahoo")
    assert asked.get(f"{SPARK}?symbols=THYAO.IS").headers["Retry-After"] == "30"
    asked.clock.ms += 600_000
    assert asked.get(f"{SPARK}?symbols=THYAO.IS").status == 200  # they pass by the market's clock


def test_a_quota_lets_so_many_through_in_its_window(asked: Asked) -> None:
    asked.fault("quota", requests=3, window=60, seconds=3600)
    statuses = [asked.get(f"{SPARK}?symbols=THYAO.IS").status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    asked.clock.ms += 60_000
    assert asked.get(f"{SPARK}?symbols=THYAO.IS").status == 200


@pytest.mark.parametrize("status", [401, 403, 404, 500, 502, 503])
def test_a_source_refuses(asked: Asked, status: int) -> None:
    asked.fault("refuse", status=status, source="bigpara")
    assert asked.get("/bist/bigpara/api/v1/borsa/hisseyuzeysel/THYAO").status == status
    assert asked.get(f"{SPARK}?symbols=THYAO.IS").status == 200


def test_a_share_of_the_answers_goes_wrong(asked: Asked) -> None:
    asked.fault("refuse", share=0.5)
    statuses = [asked.get(f"{SPARK}?symbols=THYAO.IS").status for _ in range(60)]
    assert 15 < statuses.count(503) < 45


def test_a_page_half_a_text_and_nothing_at_all(asked: Asked) -> None:
    asked.fault("html")
    page = asked.get(f"{SPARK}?symbols=THYAO.IS")
    assert (page.status, page.content_type) == (200, "text/html")
    asked.bist.faults.clear()
    asked.fault("half")
    with pytest.raises(ValueError):
        json.loads(asked.get(f"{SPARK}?symbols=THYAO.IS").body)
    asked.bist.faults.clear()
    asked.fault("empty")
    assert asked.spark("THYAO.IS") == []


def test_rows_stand_still_vanish_come_twice_and_are_null(asked: Asked) -> None:
    asked.fault("stale", symbols=["THYAO"])
    before = asked.spark("THYAO.IS", "GARAN.IS")
    asked.clock.ms += 120_000
    after = asked.spark("THYAO.IS", "GARAN.IS")
    assert after[0] == before[0] and after[1] != before[1]
    asked.fault("vanish", symbols=["THYAO"])
    assert [row["symbol"] for row in asked.spark("THYAO.IS", "GARAN.IS")] == ["GARAN.IS"]
    asked.bist.faults.clear()
    asked.fault("duplicate", symbols=["THYAO"])
    newer, older = asked.spark("THYAO.IS")
    assert meta(older)["regularMarketTime"] < meta(newer)["regularMarketTime"]
    asked.bist.faults.clear()
    for fields, key in (("price", "regularMarketPrice"), ("time", "regularMarketTime"), ("others", "previousClose")):
        asked.fault("nulls", fields=fields)
        assert meta(asked.spark("THYAO.IS")[0])[key] is None
    [chart] = asked.json("/bist/yahoo/v8/finance/chart/THYAO.IS")["chart"]["result"]
    assert None in chart["indicators"]["quote"][0]["close"]


def test_rows_have_wrong_times_numbers_volumes_and_markets(asked: Asked) -> None:
    right = meta(asked.spark("THYAO.IS")[0])
    asked.fault("wrong_time", ms=-60_000)
    asked.fault("volume_falls")
    asked.fault("foreign")
    wrong = meta(asked.spark("THYAO.IS")[0])
    assert wrong["regularMarketTime"] == right["regularMarketTime"] - 60
    assert wrong["regularMarketVolume"] == right["regularMarketVolume"] // 2
    assert (wrong["currency"], wrong["exchangeName"]) == ("USD", "NMS")
    asked.fault("bad_number", number="1e999")
    assert b'"regularMarketPrice":1e999,' in asked.get(f"{SPARK}?symbols=THYAO.IS").body
    assert asked.bist.account.shown.page(0, 10).entries[-1].faults == (
        "wrong_time", "volume_falls", "foreign", "bad_number",
    )  # fmt: skip


@pytest.mark.parametrize(
    "order", ["", "[]", '{"fault":"nope"}', '{"fault":"limit","seconds":0}', '{"fault":"limit","sorce":"yahoo"}',
              '{"fault":"stale","symbols":["thyao"]}', '{"fault":"limit","source":"btcturk"}'],
)  # fmt: skip
def test_what_cannot_be_ordered_is_said_in_a_sentence(order: str) -> None:
    with pytest.raises(BadCommand, match="this is not a fault"):
        commands.read(order.encode())


def test_every_request_is_accounted_for_and_no_key_is_kept(asked: Asked) -> None:
    asked.spark("THYAO.IS", "NOPE.IS")
    asked.ideal("GARAN")
    asked.get(f"{SPARK}?symbols=THYAO.IS", {})
    entries = asked.bist.account.requests.page(0, 10).entries
    assert [(one.source, one.symbols, one.status, one.fault) for one in entries] == [
        ("yahoo", 2, 200, None), ("ideal", 1, 200, None), ("yahoo", 0, 429, "user_agent"),
    ]  # fmt: skip
    assert {one.market_time for one in entries} == {asked.clock.ms}
    assert {one.phase for one in entries} == {"continuous"}
    assert "simulated-key" not in repr(entries)
    asked.spark("THYAO.IS")
    shown = [(one.source, one.symbol) for one in asked.bist.account.shown.page(0, 10).entries]
    assert shown == [("yahoo", "THYAO"), ("ideal", "GARAN")]  # repeats are none
