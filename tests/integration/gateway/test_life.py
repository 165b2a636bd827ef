"""How long a stream lives, and how it ends."""

from functools import partial

import httpx

from support.eventually import eventually
from support.examples import a_trade

from .conftest import Bench, Reading, benched


async def test_a_stream_that_has_lived_long_enough_is_sent_away_and_comes_back_without_a_loss(
    reading: Reading,
) -> None:
    """So that readers spread over the replicas there are."""
    async with benched({"SPARK_GATEWAY_STREAM_LIFE": "1"}) as bench:
        source = await reading.open(bench.stream("symbol=*&channel=trade&throttle=0"))
        number = 0
        while source.connections < 3:
            number += 1
            await bench.publish(a_trade(number))
            seen = number
            await eventually(lambda: len(source.of("trade")) >= seen, 10, "the trade")  # noqa: B023, called at once
        await reading.close()

    assert [int(event.data["id"]) for event in source.of("trade")] == list(range(1, number + 1))
    goodbyes = [event.data for event in source.of("goodbye")]
    assert [goodbye["reason"] for goodbye in goodbyes] == ["life"] * len(goodbyes)
    assert len(goodbyes) >= 2
    assert all(500 <= goodbye["retry"] <= 2500 for goodbye in goodbyes)
    assert not source.of("gap")


async def test_one_stream_too_many_is_refused_in_words_that_its_client_understands(reading: Reading) -> None:
    """A browser gives up for ever on any answer but 200, so it is given a goodbye; others get the status."""
    async with benched({"SPARK_GATEWAY_STREAMS_PER_CLIENT": "2"}) as bench, httpx.AsyncClient() as client:
        await reading.open(bench.stream())
        await reading.open(bench.stream())
        refused = await client.get(bench.stream())
        browser = await client.get(bench.stream(), headers={"Accept": "text/event-stream"})
        await reading.close()
        await eventually(partial(_opens, bench), 10, "a place that was given back")

    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert int(refused.headers["retry-after"]) > 0
    assert browser.status_code == 200
    assert browser.headers["content-type"].startswith("text/event-stream")
    assert '"type":"goodbye"' in browser.text
    assert browser.text.startswith("retry: ")


async def _opens(bench: Bench) -> bool:
    async with httpx.AsyncClient() as client, client.stream("GET", bench.stream()) as answer:
        return answer.status_code == 200


async def test_only_pages_of_the_listed_origins_may_read_a_stream() -> None:
    async with benched({"SPARK_GATEWAY_CORS_ORIGINS": "https://a.example"}) as bench, httpx.AsyncClient() as client:
        allowed = [
            await _allowed(client, bench.stream(), origin) for origin in ("https://a.example", "https://b.example")
        ]
        problems = [
            await _allowed(client, bench.stream("symbol=NO_SUCH"), origin)
            for origin in ("https://a.example", "https://b.example")
        ]

    assert allowed == problems == [("https://a.example", "Origin"), (None, "Origin")]


async def _allowed(client: httpx.AsyncClient, url: str, origin: str) -> tuple[str | None, str | None]:
    async with client.stream("GET", url, headers={"Origin": origin}) as answer:
        return answer.headers.get("access-control-allow-origin"), answer.headers.get("vary")
