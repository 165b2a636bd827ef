"""`make soak-bist`: a year of Borsa İstanbul on virtual time, asked as often as a real ingest asks.

As ``tests/integration/bist/test_year.py`` has it, with more symbols, in two batches, and something wrong on most days.
It ends with 0 when nothing was asked that should not be, no alarm was invented and no outage missed.
"""

import argparse
import logging
import sys
from datetime import date
from pathlib import Path
from random import Random

import structlog

sys.path[0] = str(Path(__file__).parents[1])

from support.bist_days import trading_days  # noqa: E402, see above
from support.bist_outages import outages  # noqa: E402
from support.bist_rig import Pacing  # noqa: E402
from support.bist_year import HOUR_MS, Year  # noqa: E402

_SYMBOLS = ("THYAO", "GARAN", "ASELS", "SISE", "KCHOL", "XU100")


def main() -> int:
    """Let the year pass, and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what goes wrong when (default 1)")
    parser.add_argument("--months", type=int, default=12, help="of 2026 (default 12)")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    first, last = date(2026, 1, 1), date(2026, given.months, 28 if given.months == 2 else 30)
    random = Random(given.seed)
    days = list(trading_days(first, last))
    wrong = outages(random, sorted(random.sample(days[1:], len(days) * 3 // 4)))
    restarts = [random.randrange(day.asked_from, day.asked_from + 24 * HOUR_MS) for day in random.sample(days, 20)]
    pace = Pacing(every_s=15, most_per_hour=1000, batch=3, random=Random(given.seed))
    report = Year(first, last, _SYMBOLS, pace, wrong, restarts, given.seed).run()
    print(*report.lines(), sep="\n")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
