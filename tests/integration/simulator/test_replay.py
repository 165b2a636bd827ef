"""Replay: what was recorded is sent as it was, to the last digit, and the feed stays alive afterwards."""

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from integration.simulator.helpers import client_of, fault, http_of, simulated, state
from spark_service.lifecycle import CannotStart
from spark_simulator.recording import Recording

ROOT = Path(__file__).parents[3]
SAMPLES = Path(os.environ.get("SPARK_TEST_SAMPLES", ROOT.parent / "shared" / "protocols" / "btcturk-samples.jsonl"))

OLD_WELCOME = '[991,{"type":991,"current":"5.1.0","min":"2.3.0"}]'
BTC = (
    '[402,{"B":"3779950","A":"3781912","BA":"0.00092482","AA":"0.02976469","PS":"BTCTRY","H":"3891284","L":"3745640",'
    '"LA":"3780291","O":"3794559","V":"31.53834999","AV":"3824093.600803400000","D":"-12647","DP":"-0.38","DS":"TRY",'
    '"NS":"BTC","PId":1,"channel":"ticker","event":"BTCTRY","type":402}]'
)
NEWER_BTC = BTC.replace("3780291", "3780300")
ALL = (
    '[401,{"items":[{"B":"34.70600","A":"34.738","PS":"ADATRY","H":"36.7","L":"34.555","LA":"34.76","O":"34.911",'
    '"V":"473088.27239993","AV":"35.701201400000","D":"-0.173","DP":"-0.43","DS":"TRY","NS":"ADA","PId":57,"Ord":0}],'
    '"channel":"ticker","event":"all","type":401}]'
)
TRADE = '[422,{"D":"1651204593830","I":"100163785789620825","A":"0.0008777700","P":1e-7,"X":0.10,"PS":"BTCTRY"}]'
RECORDED = [OLD_WELCOME, BTC, ALL, TRADE, NEWER_BTC]


def lines(*payloads: str, **fields: object) -> str:
    extra = "".join(f'"{name}":{json.dumps(value)},' for name, value in fields.items())
    return "".join(f'{{{extra}"kind":"ws","direction":"in","payload":{payload}}}\n' for payload in payloads)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recorded.jsonl"
    others = '{"kind":"rest","direction":"in","payload":{}}\n{"kind":"ws","direction":"out","payload":[151,{}]}\n\n'
    path.write_text(others + lines(*RECORDED))
    return path


async def test_the_recording_is_sent_whole_and_exact_after_the_first_join(recording: Path) -> None:
    """Every type of frame, joined or not, after the welcome and the ack that every connection gets."""
    async with simulated(replay=recording, replay_speed=100) as simulator:
        for _ in range(2):  # once for each connection, from its start
            async with client_of(simulator) as client:
                assert (await client.frame())[0] == 991
                await client.ask("ticker", "XRPTRY")
                assert (await client.frame())[0] == 100
                assert [await client.text() for _ in RECORDED] == RECORDED


async def test_nothing_is_played_before_a_join(recording: Path) -> None:
    async with simulated(replay=recording, replay_speed=1000) as simulator, client_of(simulator) as client:
        await client.frame()
        await client.ask("ticker", "BTCTRY", join=False)
        assert (await client.frame())[1]["message"] == "leave|ticker:BTCTRY"
        await client.ask("ticker", "BTCTRY")
        assert (await client.frame())[1]["message"] == "join|ticker:BTCTRY"
        assert await client.text() == OLD_WELCOME


async def test_the_last_tickers_of_what_was_joined_are_repeated_for_ever(recording: Path) -> None:
    """As it was when a frame was recorded, made up from its row when only ``all`` told of the pair."""
    async with simulated(replay=recording, replay_speed=1000) as simulator, client_of(simulator) as client:
        for event in ("BTCTRY", "all", "XRPTRY"):
            await client.ask("ticker", event)
        while await client.text() != NEWER_BTC:
            pass
        repeated = [await client.text() for _ in range(6)]
        assert repeated[::2] == [NEWER_BTC] * 3
        assert {text[:5] for text in repeated[1::2]} == {"[401,"}
        body = json.loads(repeated[1])[1]
        assert [row["PS"] for row in body["items"]] == ["BTCTRY", "ADATRY"]
        assert body["items"][1] == json.loads(ALL)[1]["items"][0]
        assert "channel" not in body["items"][0]

        await client.ask("ticker", "ADATRY")
        while True:
            text = await client.text()
            if '"event":"ADATRY"' in text and text.startswith("[402,"):
                break
        assert '"B":"34.70600"' in text
        assert "Ord" not in text


async def test_rest_tells_of_the_pairs_in_the_recording(recording: Path) -> None:
    async with simulated(replay=recording) as simulator, http_of(simulator) as http:
        symbols = (await http.get("/btcturk/api/v2/server/exchangeinfo")).json()["data"]["symbols"]
        ticker = await http.get("/btcturk/api/v2/ticker", params={"pairSymbol": "ada_try"})
        assert (await state(http))["pairs"] == ["BTCTRY", "ADATRY"]

    assert [(row["id"], row["nameNormalized"], row["denominatorScale"]) for row in symbols] == [
        (1, "BTC_TRY", 0),
        (57, "ADA_TRY", 5),
    ]
    assert '"bid":34.70600,' in ticker.text


async def test_recorded_times_give_the_spacing_and_speed_divides_it(tmp_path: Path) -> None:
    path = tmp_path / "timed.jsonl"
    path.write_text(
        lines(OLD_WELCOME) + lines(BTC, at=1_787_692_476_996) + lines(TRADE, at=1_787_692_478_996.5) + lines(NEWER_BTC)
    )
    offsets = [moment.offset_s for moment in Recording(path).moments]
    assert offsets == pytest.approx([0.0, 0.1, 2.1005, 2.2005])

    async with simulated(replay=path, replay_speed=10) as simulator, client_of(simulator) as client:
        loop = asyncio.get_running_loop()
        await client.join("ticker", "all")
        started = loop.time()
        while await client.text() != NEWER_BTC:
            pass
        assert 0.15 < loop.time() - started < 2.0


async def test_silence_holds_the_recording_and_loses_nothing(recording: Path) -> None:
    async with (
        simulated(replay=recording, replay_speed=100) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        await fault(http, "silence", seconds=60)
        await client.join("ticker", "BTCTRY")
        async with asyncio.timeout(1):
            await (await client.ws.ping())
        await http.delete("/control/faults")
        assert [await client.text() for _ in RECORDED] == RECORDED


BAD = [
    ("", "holds no recorded frame"),
    ('{"kind":"rest","direction":"in","payload":{}}\n', "holds no recorded frame"),
    (lines(BTC) + "not JSON\n", "line 2"),
    (lines(BTC) + "\n[1]\n", "line 3"),
    ('{"kind":"ws","direction":"in"}\n', "line 1"),
    (lines('{"a":1}'), "line 1"),
    (lines('["402",{}]'), "line 1"),
    (lines(BTC, at="noon"), "line 1"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
async def test_a_bad_recording_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(CannotStart, match=re.escape(str(path)) + ".*" + said):
        async with simulated(replay=path):
            pass


async def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(lines(BTC).encode() + b'{"payload":[100,{"event":"\xff"}]}\n')
    with pytest.raises(CannotStart, match="line 2"):
        Recording(path)


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"cannot read .*missing\.jsonl"):
        Recording(tmp_path / "missing.jsonl")


def recorded_in(path: Path) -> list[str]:
    payload = re.compile(r'"kind":"ws","direction":"in".*?"payload":(\[.*\])\}\s*$')
    return [found[1] for line in path.read_text().splitlines() if (found := payload.search(line))]


@pytest.mark.skipif(not SAMPLES.exists(), reason="no sample frames; set SPARK_TEST_SAMPLES")
async def test_the_sample_frames_arrive_as_they_were_recorded() -> None:
    """Read with a regular expression, not with a JSON parser, so that no digit can be changed on either side."""
    expected = recorded_in(SAMPLES)
    assert len(expected) > 20

    async with simulated(replay=SAMPLES, replay_speed=1000) as simulator, client_of(simulator) as client:
        await client.join("ticker", "NOPETRY")
        assert [await client.text() for _ in expected] == expected
