"""The monitor's alarms at the gateway: on the page of what is wrong, and in the streams of their venue."""

from functools import partial
from typing import Any, Literal

import httpx
import pytest

from spark_bus import alarms, keys
from spark_market import wire
from spark_market.messages import Alarm
from support.eventually import eventually
from support.examples import NOON
from support.sse import EventSource

from .conftest import Bench, Reading

OTHER = "bist"


def an_alarm(
    state: Literal["raised", "changed", "cleared"] = "raised",
    what: str = "stale",
    since: int = NOON,
    venue: str = "btcturk",
) -> Alarm:
    return Alarm(
        venue=venue, id=f"{venue}:{what}", state=state, severity="critical", reason=f"{what} {state}", since=since
    )


async def ask(bench: Bench, query: str = "") -> Any:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{bench.url}/api/alarms{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def _has_alarms(source: EventSource, number: int) -> bool:
    return len(source.of("alarm")) == number


async def test_what_is_open_comes_newest_first_with_what_was_told_last(bench: Bench) -> None:
    assert await ask(bench) == {"open": [], "recent": []}
    await alarms.tell(bench.redis, [an_alarm(), an_alarm(what="clock", since=NOON + 5)])
    await alarms.tell(bench.redis, [an_alarm("changed")])
    await alarms.tell(bench.redis, [an_alarm("cleared", "clock", NOON + 5), an_alarm(what="mute", since=NOON + 9)])

    async def told() -> bool:
        return len((await ask(bench))["recent"]) == 5

    await eventually(told, 10, "five alarms")
    found = await ask(bench)
    assert [message["data"]["id"] for message in found["open"]] == ["btcturk:mute", "btcturk:stale"]
    assert found["open"][1]["data"]["reason"] == "stale changed"
    assert [(each["message"]["data"]["id"], each["message"]["data"]["state"]) for each in found["recent"]] == [
        ("btcturk:mute", "raised"), ("btcturk:clock", "cleared"), ("btcturk:stale", "changed"),
        ("btcturk:clock", "raised"), ("btcturk:stale", "raised"),
    ]  # fmt: skip
    assert found["recent"][0]["toldAt"] >= found["recent"][-1]["toldAt"] > NOON
    assert len((await ask(bench, "?last=2"))["recent"]) == 2
    assert (await ask(bench, "?venue=btcturk")) == found


async def test_another_venues_alarms_are_not_shown(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))
    await alarms.tell(bench.redis, [an_alarm(venue=OTHER), an_alarm()])
    await eventually(lambda: source.of("alarm"), 10, "an alarm")

    assert [message["data"]["venue"] for message in (await ask(bench))["open"]] == ["btcturk"]
    assert [event.data["venue"] for event in source.of("alarm")] == ["btcturk"]


@pytest.mark.parametrize(
    ("query", "status"), [("?venue=nasdaq", 404), ("?last=0", 422), ("?venue=btcturk&venue=x", 422)]
)
async def test_a_wrong_question_is_answered_with_what_is_wrong(bench: Bench, query: str, status: int) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{bench.url}/api/alarms{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_stream_is_told_at_once_and_one_that_comes_later_as_it_opens(bench: Bench, reading: Reading) -> None:
    first = await reading.open(bench.stream())
    await eventually(lambda: first.of("health"))
    assert first.of("alarm") == []

    await alarms.tell(bench.redis, [an_alarm()])
    await eventually(lambda: first.of("alarm"), 10, "the alarm")
    second = await reading.open(bench.stream())
    await eventually(lambda: second.of("health"))
    await alarms.tell(bench.redis, [an_alarm("cleared")])
    for source in (first, second):
        await eventually(partial(_has_alarms, source, 2), 10, "its end")

    for source in (first, second):
        assert [event.data["state"] for event in source.of("alarm")] == ["raised", "cleared"]
        assert {event.id for event in source.of("alarm")} == {""}
    kinds = [event.type for event in second.events]
    assert kinds.index("alarm") < kinds.index("health")


async def test_a_stream_that_opened_before_the_alarms_could_be_read_is_told_of_them(
    bench: Bench, reading: Reading
) -> None:
    """As may happen when Redis comes after the gateway: what was open by then would never be news."""
    bench.gateway.kill()
    await alarms.tell(bench.redis, [an_alarm()])
    await bench.redis.rename(keys.ALARMS, "aside")
    await bench.redis.set(keys.ALARMS, "not to be read")
    await bench.start_gateway()
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))
    assert source.of("alarm") == []

    await bench.redis.rename("aside", keys.ALARMS)

    await eventually(lambda: source.of("alarm"), 10, "the alarm")
    assert [event.data["state"] for event in source.of("alarm")] == ["raised"]


async def test_alarms_of_a_redis_whose_clock_is_behind_are_told_too(bench: Bench, reading: Reading) -> None:
    """After a failover their places may lie before the last that was read, where nobody looks again."""
    await bench.redis.xadd(keys.ALARMS, {"d": wire.encode(an_alarm("cleared", "old"))}, id="9999999999999-0")
    source = await reading.open(bench.stream())
    await eventually(partial(_has_alarms, source, 1), 10, "the last of the old stream")
    await bench.redis.delete(keys.ALARMS)

    await alarms.tell(bench.redis, [an_alarm()])
    await eventually(partial(_has_alarms, source, 2), 10, "one of the new stream")
    await alarms.tell(bench.redis, [an_alarm("cleared")])
    await eventually(partial(_has_alarms, source, 3), 10, "its end")

    assert [event.data["state"] for event in source.of("alarm")] == ["cleared", "raised", "cleared"]
    assert [each["message"]["data"]["state"] for each in (await ask(bench))["recent"]] == ["cleared", "raised"]


async def test_what_is_no_alarm_is_passed_over_and_the_history_is_bounded(bench: Bench) -> None:
    await bench.redis.xadd(keys.ALARMS, {"d": b"nonsense"})
    await bench.redis.xadd(keys.ALARMS, {"x": b""})
    await bench.redis.hset(keys.OPEN_ALARMS, "x", "nonsense")
    for _ in range(12):
        await alarms.tell(bench.redis, [an_alarm("changed")] * 100)

    async def told() -> bool:
        return len((await ask(bench, "?last=1000"))["recent"]) > 900

    await eventually(told, 10, "many alarms")
    assert len((await ask(bench))["open"]) == 1
    assert await bench.redis.xlen(keys.ALARMS) < 1_200
