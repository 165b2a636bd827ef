"""`make bench`: runs the benchmarks named, or all, and prints what was measured, on what, and what was aimed at."""

import argparse
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

from bench import conditions, fanout, ingest, latency, processes  # noqa: E402, found through the line above

BENCHMARKS = {"latency": latency.run, "ingest": ingest.run, "fanout": fanout.run}


def main() -> None:
    """Run them one after the other: two at a time would measure each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    given = parser.parse_args()
    for name in given.name:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    # Ended from outside, it takes its processes with it as it does on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    conditions.show()
    processes.raise_descriptor_limit()
    for name in given.name or BENCHMARKS:
        BENCHMARKS[name](max(1, given.rounds))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
