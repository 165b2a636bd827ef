"""A service's whole life, in a process of its own."""

import subprocess
import sys

_SERVICE = """
import gc
from spark_service.lifecycle import run
from spark_service.settings import Settings

async def main(settings):
    print("looked through:", len(gc.get_objects()), "not looked through:", gc.get_freeze_count())

run("example", Settings, main)
"""


def test_a_full_collection_does_not_look_through_what_was_imported() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _SERVICE], capture_output=True, text=True, timeout=30, check=True
    )  # fmt: skip
    line = next(line for line in ended.stdout.splitlines() if line.startswith("looked through"))
    looked, not_looked = (int(part) for part in line.split() if part.isdigit())

    assert not_looked > 10 * looked
