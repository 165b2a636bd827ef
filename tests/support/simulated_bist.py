"""The simulated Borsa İstanbul asked without a socket, at a time that stands until a test moves it."""

import json
from typing import Any

from spark_market.sessions import NONE
from spark_simulator.bist import commands
from spark_simulator.bist.answers import Reply
from spark_simulator.bist.assembly import Bist
from support.istanbul import MONDAY, StandingClock, at

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
SPARK = "/bist/yahoo/v7/finance/spark"
IDEAL = "/bist/ideal/SembolVeri/SembolVeri1"


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


def meta(row: Any) -> Any:
    [response] = row["response"]
    return response["meta"]
