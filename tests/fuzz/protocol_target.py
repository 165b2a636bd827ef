"""What the fuzzer runs: an input is some lines, each a frame, that one protocol reads one after the other.

Started by ``run.py``, with libFuzzer's own options. Bytes changed at random are hardly ever JSON again, so every other
change is made to what a frame says.
"""

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import atheris

sys.path[0] = str(Path(__file__).parents[1])

with atheris.instrument_imports(include=["spark_ingest_btcturk", "spark_market"]):
    from spark_ingest_btcturk.protocol import BtcTurkProtocol
    from spark_market.instruments import Mode
    from support.frames import instruments
    from support.hostile import VALUES, places
    from support.sane import receive_or_refuse

_PAIRS = instruments("BTC_TRY", "ETH_TRY")


def one_input(data: bytes) -> None:
    """Fail on anything but what frames may say, or a malformed frame."""
    protocol = BtcTurkProtocol(Mode.MOCK, _PAIRS)
    for frame in data.split(b"\n"):
        receive_or_refuse(frame, protocol)


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Return another input made from ``data``."""
    random = Random(seed)
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    try:
        frame = json.loads(lines[at]) if random.random() < 0.5 else None
        found = list(places(frame))
        if found:
            _change(random, *random.choice(found), [holder[key] for holder, key in found])
            lines[at] = json.dumps(frame, separators=(",", ":")).encode("utf-8", "surrogatepass")
            return b"\n".join(lines)[:max_size]
    except (ValueError, RecursionError):
        pass
    mutated: bytes = atheris.Mutate(data, max_size)
    return mutated


def _change(random: Random, holder: Any, key: Any, others: list[Any]) -> None:
    match random.randrange(4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = random.choice(others)
        case 2 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case _:
            holder[key] = random.choice(VALUES)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()
