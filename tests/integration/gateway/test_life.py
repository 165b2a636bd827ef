"""How long a stream lives, and how it ends."""

from support.eventually import eventually
from support.examples import a_trade

from .conftest import Reading, benched


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
