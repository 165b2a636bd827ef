"""Places for streams: a cap for each client, one for all, and each place given back once."""

import json
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry

from spark_gateway.access import Client, RateClass, client_of
from spark_gateway.accessmetrics import AccessMetrics
from spark_gateway.audit import AuditLog
from spark_gateway.identity import CLIENT
from spark_gateway.places import CLIENT_FULL, GATEWAY_FULL, Full, Places
from spark_gateway.violations import Violations


def a_client(name: str, streams: int) -> Client:
    return client_of(name, RateClass(requests_per_second=1, burst=1, streams=streams))


def places(most: int) -> Places:
    metrics = AccessMetrics(CollectorRegistry())
    log = AuditLog(None, metrics)
    log.close()
    return Places(most, Violations(metrics, log))


def refusal(of: Places, client: Client) -> str:
    with pytest.raises(Full) as caught:
        of.take(client)
    assert caught.value.retry_after_s > 0
    return caught.value.reason


def test_a_client_has_its_own_cap_and_takes_nothing_from_others() -> None:
    house, two, one = places(10), a_client("a", 2), a_client("b", 1)

    first = house.take(two)
    house.take(two)
    house.take(one)

    assert refusal(house, two) == refusal(house, one) == CLIENT_FULL
    first.release()
    house.take(two)
    assert refusal(house, two) == CLIENT_FULL


def test_the_gateway_has_a_cap_of_its_own() -> None:
    house = places(2)

    places_taken = [house.take(a_client(name, 5)) for name in "ab"]

    assert refusal(house, a_client("c", 5)) == GATEWAY_FULL
    for place in places_taken:
        place.release()
    house.take(a_client("c", 5))


def test_a_place_is_given_back_once() -> None:
    house, client = places(2), a_client("a", 2)
    place, _ = house.take(client), house.take(client)

    place.release()
    place.release()
    house.take(client)

    assert refusal(house, client) == CLIENT_FULL


def answered(of: Places, full: Full, accept: bytes) -> tuple[int, Mapping[str, str], str]:
    """Return status, headers and body of the refusal."""
    scope = {
        "type": "http",
        "path": "/api/market/btcturk/stream",
        "headers": [(b"accept", accept)],
        CLIENT: a_client("a", 1),
    }
    answer = of.refusal(full, scope)
    return answer.status_code, answer.headers, bytes(answer.body).decode()


@pytest.mark.parametrize(("reason", "status"), [(CLIENT_FULL, 429), (GATEWAY_FULL, 503)])
def test_one_without_a_place_is_told_when_to_come_back(reason: str, status: int) -> None:
    got, headers, body = answered(places(1), Full(reason, 30, 1), b"application/json")

    assert (got, headers["retry-after"], headers["content-type"]) == (status, "30", "application/problem+json")
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize("reason", [CLIENT_FULL, GATEWAY_FULL])
def test_an_event_source_without_a_place_is_sent_away_for_long_but_not_for_ever(reason: str) -> None:
    """Never all at once: each is told another time."""
    house, waits = places(1), set()
    for _ in range(20):
        got, headers, body = answered(house, Full(reason, 30, 1), b"text/event-stream")
        retry, _, data = body.partition("\n\n")
        goodbye = json.loads(data.removeprefix("data: "))["data"]
        assert (got, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert goodbye["reason"] == reason and retry == f"retry: {goodbye['retry']}"
        assert 30_000 <= goodbye["retry"] <= 120_000
        waits.add(goodbye["retry"])

    assert len(waits) > 10
