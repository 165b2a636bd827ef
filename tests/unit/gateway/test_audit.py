"""The audit log on real files: bounded, whole over any rotation, and never in the way."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from spark_gateway.accessmetrics import AccessMetrics
from spark_gateway.audit import FILES, LOST, AuditLog
from support.eventually import eventually
from support.printed import Printed, printed_logs


def a_line(number: int) -> dict[str, Any]:
    return {"time": "2026-11-22T12:00:00.000+00:00", "kind": "requests", "client": "192.0.2.7", "number": number}


class Log:
    """An audit log and what its metrics say."""

    def __init__(self, path: Path | None, **more: int) -> None:
        self.registry = CollectorRegistry()
        self.log = AuditLog(path, AccessMetrics(self.registry), **more)

    def write(self, *numbers: int) -> None:
        for number in numbers:
            self.log.write(a_line(number))

    def outcomes(self, outcome: str) -> int:
        return int(self.registry.get_sample_value("spark_gateway_audit_lines_total", {"outcome": outcome}) or 0)

    def reaches(self, outcome: str, lines: int) -> Callable[[], bool]:
        return lambda: self.outcomes(outcome) == lines


def numbers(*paths: Path) -> list[int]:
    return [json.loads(line)["number"] for path in paths for line in path.read_text().splitlines()]


async def test_each_violation_is_one_line_of_json(tmp_path: Path) -> None:
    log, path = Log(tmp_path / "deep" / "slo-alerts.log"), tmp_path / "deep" / "slo-alerts.log"

    log.write(1, 2)
    await eventually(log.reaches("file", 2))
    log.write(3)
    log.log.close()

    assert [json.loads(line) for line in path.read_text().splitlines()] == [a_line(number) for number in (1, 2, 3)]


async def test_the_file_and_its_older_ones_have_a_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "slo-alerts.log"
    log = Log(path, most_bytes=1_000)

    for number in range(100):
        log.write(number)
        await eventually(log.reaches("file", number + 1))
    log.log.close()

    names = [f"{path.name}.{age}" for age in range(FILES - 1, 0, -1)] + [path.name]
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert all(len((tmp_path / name).read_bytes()) <= 1_000 for name in names)
    kept = numbers(*[tmp_path / name for name in names])
    assert kept == list(range(kept[0], 100))


async def test_a_file_moved_or_removed_under_it_is_opened_anew(tmp_path: Path) -> None:
    """As logrotate does it, with and without keeping the old one."""
    path, moved = tmp_path / "slo-alerts.log", tmp_path / "old"
    log = Log(path)

    log.write(1)
    await eventually(log.reaches("file", 1))
    path.rename(moved)
    log.write(2)
    await eventually(log.reaches("file", 2))
    path.unlink()
    log.write(3)
    await eventually(log.reaches("file", 3))
    path.unlink()
    path.write_text("")  # another file with the same name
    log.write(4)
    log.log.close()

    assert (numbers(moved), numbers(path)) == ([1], [4])


async def test_a_file_emptied_under_it_goes_on_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "slo-alerts.log"
    log = Log(path)

    log.write(1)
    await eventually(log.reaches("file", 1))
    os.truncate(path, 0)
    log.write(2)
    log.log.close()

    assert numbers(path) == [2]


def logged(text: Printed, event: str) -> list[dict[str, Any]]:
    return [line for line in text.warnings() if line["event"] == event]


@pytest.mark.parametrize("place", ["/proc/slo-alerts.log", "/dev/null/slo-alerts.log", "{tmp}"])
async def test_what_cannot_be_written_to_the_file_is_logged_instead(tmp_path: Path, place: str) -> None:
    """A read-only root, a path through something that is no folder, a folder: one warning, and no line is lost."""
    with printed_logs() as text:
        log = Log(Path(place.format(tmp=tmp_path)))
        log.write(1, 2)
        log.log.close()

    assert len(logged(text, "the audit log cannot be written; its lines come here")) == 1
    assert [line["number"] for line in logged(text, "a limit was broken")] == [1, 2]
    assert log.outcomes("log") == 2


async def test_without_a_file_the_lines_are_logged_a_few_a_second(tmp_path: Path) -> None:
    with printed_logs() as text:
        log = Log(None)
        log.write(*range(200))
        await eventually(lambda: log.outcomes("log") + log.outcomes("lost") == 200)
        before = log.outcomes("log")
        log.log._log._at -= 1  # a second later
        log.write(200)
        log.log.close()

    assert 10 <= before < 200
    [left_out] = logged(text, "violations were left out")
    assert left_out["lines"] == 200 - before
    assert logged(text, "a limit was broken")[-1]["number"] == 200


async def test_a_file_that_can_be_written_again_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_gateway.audit._TRY_AGAIN_S", 0.05)
    blocked = tmp_path / "folder"
    blocked.write_text("")
    with printed_logs() as text:
        log = Log(blocked / "slo-alerts.log")
        log.write(1)
        await eventually(log.reaches("log", 1))
        blocked.unlink()
        await asyncio.sleep(0.06)  # what is waited for is a clock
        log.write(2)
        await eventually(log.reaches("file", 1))
        log.log.close()

    assert numbers(blocked / "slo-alerts.log") == [2]
    assert "the audit log is written again" in text.getvalue()


async def test_what_the_queue_cannot_take_is_counted_and_said_later(tmp_path: Path) -> None:
    """A disk that hangs: a pipe that nobody reads yet stands for it."""
    path = tmp_path / "slo-alerts.log"
    log = Log(path, waiting=3)
    log.write(1)
    await eventually(log.reaches("file", 1))
    path.unlink()
    os.mkfifo(path)

    log.write(2)  # the thread hangs in opening the pipe
    await eventually(lambda: log.log._queue.empty())
    began = time.monotonic()
    log.write(*range(3, 10))
    took_s = time.monotonic() - began
    assert log.outcomes("lost") == 4
    with path.open(encoding="utf-8") as reader:
        await eventually(lambda: log.log._queue.empty())
        log.write(10)
        log.log.close()
        written = [json.loads(line) for line in reader]

    assert took_s < 1
    assert [line.get("number") for line in written] == [2, 3, 4, 5, None, 10]
    assert (written[4]["kind"], written[4]["lines"]) == (LOST, 4)
