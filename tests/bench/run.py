"""`make bench`: runs the benchmarks named, or all, and prints what was measured, on what, and what was aimed at."""

import argparse
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

from bench import (  # noqa: E402, found through the line above
    conditions,
    events,
    growth,
    ingest,
    latency,
    million,
    monitor,
    processes,
    rest,
    slow,
    streams,
)

GATEWAY = {
    "events": events.run,
    "million": million.run,
    "streams": streams.run,
    "slow": slow.run,
    "rest": rest.run,
}
USUAL = {"latency": latency.run, "ingest": ingest.run, "monitor": monitor.run, **GATEWAY}
BENCHMARKS = {**USUAL, "growth": growth.run}


def main() -> int:
    """Run them one after the other: two at a time would measure each other. Returns 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*BENCHMARKS, "gateway"]
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names)}; all but growth by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    given = parser.parse_args()
    for name in given.name:
        if name not in names:
            parser.error(f"no benchmark {name!r}; there are {', '.join(names)}")
    # Ended from outside, it takes its processes with it as it does on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    conditions.show()
    processes.raise_descriptor_limit()
    wanted = [part for name in given.name or USUAL for part in (GATEWAY if name == "gateway" else [name])]
    wrong = [text for part in dict.fromkeys(wanted) for text in BENCHMARKS[part](max(1, given.rounds))]
    for text in wrong:
        print(f"WRONG: {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
