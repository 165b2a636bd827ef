"""`make soak-monitor`: weeks of both venues with incidents, and each Turkish holiday of three years; a virtual clock's.

Prints what was found and how soon, what was missed, and what was said without a cause; ends with 1 if there was any.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

from incidents.scenes import around_holidays, crypto_days, share_days  # noqa: E402
from incidents.trial import Account  # noqa: E402
from spark_market.sessions import bist  # noqa: E402


def main() -> int:
    """Run it; returns 1 when something was missed or made up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=4, help="of BtcTurk (default 4)")
    parser.add_argument("--pairs", type=int, default=40, help="of BtcTurk (default 40)")
    parser.add_argument("--symbols", type=int, default=60, help="of Borsa İstanbul (default 60)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is random (default: the time)")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    holidays = around_holidays(bist(), date(2024, 1, 1), date(2026, 12, 31))
    accounts: dict[str, Callable[[], Account]] = {
        "btcturk": lambda: crypto_days(date(2026, 1, 5), 7 * given.weeks, given.seed, pairs=given.pairs, step_s=5.0),
        "bist, around every holiday of 2024 to 2026": lambda: share_days(holidays, given.seed, symbols=given.symbols),
    }
    wrong = 0
    for name, run in accounts.items():
        began = time.monotonic()
        account = run()
        print(f"\n{name} ({time.monotonic() - began:.0f} s): {account.report()}", flush=True)
        wrong += len(account.missed) + len(account.false)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
