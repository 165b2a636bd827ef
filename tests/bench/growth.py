"""How the gateway's cost grows with its readers, their symbols and the rate of ticks, drawn into ``docs/growth.svg``.

One round each: it is the shape that counts. The figures are kept beside the drawing.
"""

import subprocess
from dataclasses import replace
from pathlib import Path

import msgspec

from bench import figures, peers, scene, servers

_TESTS = Path(__file__).parents[1]
_DOCS = _TESTS.parent / "docs"
_FIGURES, _DRAWING = _DOCS / "growth.json", _DOCS / "growth.svg"
_MOST_WRITES_PER_S = 60_000
"""Readers times writes: beyond that one core is full, and what is measured is its backlog."""
_SHORT = {"warm_up_s": 1.0, "seconds": 3.0}
_READERS = (100, 300, 1_000, 3_000, 10_000)
_SYMBOLS = (1, 10, 50, 100, 1_000)
_RATES = (10, 50, 100, 1_000, 10_000)
_THROTTLES_MS = (0, 50, 250)
_COLUMNS = {
    "ticks/s": ",.0f", "events/s": ",.0f", "server cores": ".3f", "us/event": ".2f", "client cores": ".2f",
    "p99 ms": ".0f", "missing": ".0f", "repeated": ".0f", "hung up": ".0f",
}  # fmt: skip


def _readers() -> dict[str, list[tuple[float, scene.Load]]]:
    few = scene.Load(2, 0, 0, 1, **_SHORT)
    many = scene.Load(100, 0, 250, 100, **_SHORT)
    return {
        "throttle 0, 2 ticks/s": [(readers, replace(few, readers=readers)) for readers in _READERS],
        "throttle 250, 100 ticks/s of 100 symbols": [(number, replace(many, readers=number)) for number in _READERS],
    }


def _symbols() -> dict[str, list[tuple[float, scene.Load]]]:
    return {
        f"throttle {throttle}": [
            (symbols, scene.Load(symbols, 1_000, throttle, symbols, **_SHORT)) for symbols in _SYMBOLS
        ]
        for throttle in _THROTTLES_MS
    }


def _rates() -> dict[str, list[tuple[float, scene.Load]]]:
    return {
        f"throttle {throttle}": [(rate, scene.Load(rate, 1_000, throttle, 100, **_SHORT)) for rate in _RATES]
        for throttle in _THROTTLES_MS
    }


_SWEEPS = {
    "readers": _readers,
    "symbols, each ticking once a second, to 1,000 readers": _symbols,
    "ticks a second of 100 symbols, to 1,000 readers": _rates,
}


def run(_: int) -> list[str]:
    """Measure, print and draw; returns what was lost or wrong."""
    taken: figures.Rounds = {}
    drawn: dict[str, dict[str, list[tuple[float, float]]]] = {}
    with scene.stage() as stage:
        for sweep, lines in _SWEEPS.items():
            for line, points in lines().items():
                for at, load in points:
                    if _writes_per_s(load) > _MOST_WRITES_PER_S:
                        continue
                    row = stage.measure(servers.GATEWAY, load)
                    taken[f"{at:,g} {sweep}; {line}"] = [row]
                    drawn.setdefault(sweep, {}).setdefault(line, []).append((at, round(row["server cores"], 4)))
    figures.table("growth: one round", _COLUMNS, {name: rows[0] for name, rows in taken.items()})
    _draw(drawn)
    return figures.wrong("growth", taken)


def _writes_per_s(load: scene.Load) -> float:
    flushes = 1000 / load.throttle_ms if load.throttle_ms else float("inf")
    return load.readers * min(load.ticks_per_s, flushes)


def _draw(drawn: dict[str, dict[str, list[tuple[float, float]]]]) -> None:
    _FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(drawn), indent=1) + b"\n")
    python = peers.python()
    if python:
        command = [python, "-m", "bench.growth_plot", str(_FIGURES), str(_DRAWING)]
        subprocess.run(command, check=True, cwd=_TESTS, timeout=120)
        print(f"drawn into {_DRAWING.relative_to(_DOCS.parent)}")
