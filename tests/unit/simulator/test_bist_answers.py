"""What the simulated sources answer: what they want, what they leave out, and how far behind they are."""

import json

import pytest

from support.istanbul import MONDAY, at
from support.simulated_bist import IDEAL, SPARK, Asked, meta


@pytest.fixture
def asked() -> Asked:
    return Asked()


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
    listed = asked.json("/bist/bigpara/api/v1/hisse/list", {})["data"]
    assert [row["tip"] for row in listed].count("Hisse") == 590
    rows = asked.json("/bist/oneendeks?endeks=THYAO,XU100", {})
    assert [row["symbol"] for row in rows] == ["THYAO", "XU100"] and rows[0]["updateDate"].endswith("+03")
    wrong = asked.get("/bist/oneendeks?endeks=NOPE", {})
    assert wrong.status == 400 and json.loads(wrong.body)["error"]["code"] == "EINVAL"


def test_the_exchange_can_be_enumerated(asked: Asked) -> None:
    symbols = asked.json("/bist/symbols", {})
    assert len(symbols) == 600 and {"symbol": "THYAO", "name": "TURK HAVA YOLLARI"} in symbols
