"""Scenarios: faults from a file, each at its second."""

import asyncio
import json
from pathlib import Path

import pytest

from integration.simulator.helpers import client_of, eventually, http_of, seeded, simulated, state
from spark_service.lifecycle import CannotStart
from spark_simulator import scenario
from spark_simulator.commands import BadCommand, Cut, Drop, Halt, Silence

STEPS = [
    {"at": 0.2, "fault": "halt", "pair": "ETHTRY"},
    {"at": 0.0, "fault": "silence", "seconds": 600},
    {"at": 0.1, "fault": "halt", "pair": "NOPETRY"},
]


@pytest.mark.parametrize("lines", [True, False])
async def test_a_scenarios_faults_come_at_their_time(tmp_path: Path, lines: bool) -> None:
    """One that cannot be followed does not end it."""
    path = tmp_path / "scenario.jsonl"
    path.write_text("\n\n".join(map(json.dumps, STEPS)) if lines else json.dumps(STEPS, indent=1))
    async with simulated(scenario=path) as simulator, http_of(simulator) as http:

        async def silent() -> bool:
            return [told["fault"] for told in (await state(http))["faults"]] == ["silence"]

        async def halted() -> bool:
            body = (await http.get("/btcturk/api/v2/server/exchangeinfo")).json()
            return bool(body["data"]["symbols"][1]["status"] == "HALT")

        await eventually(silent)
        await eventually(halted)


async def test_the_feed_goes_on_after_a_scenario(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_text('[{"at":0,"fault":"drop","pair":"BTCTRY","channel":"obdiff"}]')
    async with (
        simulated(scenario=path, change_probability=1, snapshot_delay_ms=5) as simulator,
        client_of(simulator) as client,
    ):
        book = await seeded(client, "BTCTRY")
        await asyncio.sleep(0)
        assert (await client.next(432))["CS"] == book.change_set + 2


def test_steps_are_read_in_the_order_of_their_time() -> None:
    text = (
        b'{"at":9,"fault":"cut"}\n{"at":1.5,"fault":"silence","seconds":3}\r\n  \n{"fault":"halt","pair":"XTRY","at":2}'
    )
    assert scenario.read(text) == [(1.5, Silence(seconds=3)), (2, Halt(pair="XTRY")), (9, Cut())]
    dropped = b' [{"at":0,"fault":"drop","pair":"BTCTRY","channel":"trade","count":4}]'
    assert scenario.read(dropped) == [(0, Drop(pair="BTCTRY", channel="trade", count=4))]
    assert scenario.read(b"") == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"at":1,"fault":"cut"}\n{"fault":"cut"}', "line 2"),
        (b'\n{"at":-1,"fault":"cut"}', "line 2"),
        (b'{"at":"1","fault":"cut"}', "line 1"),
        (b'{"at":1,"fault":"nope"}', "line 1"),
        (b'{"at":1,"fault":"cut","more":1}', "line 1"),
        (b"nonsense", "line 1"),
        (b'[{"at":1,"fault":"cut"},{"at":1}]', "entry 2"),
        (b"[7]", "entry 1"),
        (b"[", "not an array"),
        (b"\xff", "line 1"),
    ],
)
async def test_a_bad_scenario_is_named_with_its_line(tmp_path: Path, text: bytes, place: str) -> None:
    with pytest.raises(BadCommand, match=place):
        scenario.read(text)
    path = tmp_path / "scenario"
    path.write_bytes(text)
    with pytest.raises(CannotStart, match=rf"scenario.*{place}.*SPARK_SIMULATOR_SCENARIO"):
        async with simulated(scenario=path):
            pass


async def test_a_scenario_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"none.*No such file.*SPARK_SIMULATOR_SCENARIO"):
        async with simulated(scenario=tmp_path / "none"):
            pass


async def test_a_scenario_can_be_posted() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        text = '{"at":0,"fault":"silence","seconds":600}\n{"at":3600,"fault":"cut"}'
        response = await http.post("/control/scenario", content=text)
        assert (response.status_code, response.json()) == (200, {"steps": 2})

        async def silent() -> bool:
            return [told["fault"] for told in (await state(http))["faults"]] == ["silence"]

        await eventually(silent)
        bad = await http.post("/control/scenario", content="nonsense")
        assert bad.status_code == 422
        assert "line 1" in bad.json()["error"]
