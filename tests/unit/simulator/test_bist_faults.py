"""What can be wrong with the simulated sources, and the account that they keep."""

import json

import pytest

from spark_simulator.bist import commands
from spark_simulator.commands import BadCommand
from support.simulated_bist import SPARK, Asked, meta


@pytest.fixture
def asked() -> Asked:
    return Asked()


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
    with pytest.raises(json.JSONDecodeError):
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
