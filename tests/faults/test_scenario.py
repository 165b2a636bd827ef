"""Several faults from a scenario's file, some of them at the same time: each costs what it costs alone."""

import json
from pathlib import Path

from redis.asyncio import Redis

from faults.rig import rigged
from faults.witnesses import SYMBOLS

STEPS = [
    {"at": 1.0, "fault": "drop", "pair": "BTCTRY", "channel": "obdiff"},
    {"at": 1.0, "fault": "duplicate", "pair": "ETHTRY", "channel": "obdiff", "count": 2},
    {"at": 1.4, "fault": "half", "pair": "BTCTRY", "channel": "ticker"},
    {"at": 1.4, "fault": "spurious"},
    {"at": 1.6, "fault": "bad_number", "pair": "ETHTRY", "channel": "trade", "number": "Infinity"},
    {"at": 1.6, "fault": "anomaly", "pair": "ETHTRY", "kind": "delete_absent"},
    {"at": 2.6, "fault": "shift_clock", "ms": -5000},
    {"at": 2.6, "fault": "refuse_rest", "seconds": 5, "how": "html"},
    {"at": 2.6, "fault": "cut"},
    {"at": 4.4, "fault": "reorder", "pair": "ETHTRY", "channel": "obdiff"},
]
COUNTS = {
    "resyncs book jump": 2, "anomalies book duplicate": 2, "malformed": 2, "resyncs trade malformed": 1,
    "anomalies book absent_delete": 1, "reconnects closed": 1,
}  # fmt: skip


async def test_a_scenario(redis: Redis, tmp_path: Path) -> None:
    path = tmp_path / "scenario.jsonl"
    path.write_text("\n".join(map(json.dumps, STEPS)))
    async with rigged(redis, scenario=path) as rig:
        await rig.healed(COUNTS, 20)
        missing = await rig.check(
            counts=COUNTS,
            gaps=[
                *[("book", symbol, "jump") for symbol in SYMBOLS],
                *[(channel, symbol, "closed") for symbol in SYMBOLS for channel in ("ticker", "book")],
            ],
        )

    assert (missing.tickers, missing.trades) == ([], [])
