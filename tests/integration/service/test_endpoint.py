"""The endpoint of a service that has no other: asked over real HTTP."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from spark_service.endpoint import Pulse, serving
from spark_service.lifecycle import CannotStart
from support.eventually import eventually
from support.running import running


class State:
    alive = True
    ready = True


@contextmanager
def an_endpoint(state: State) -> Iterator[str]:
    registry = CollectorRegistry()
    Counter("spark_example_total", "An example.", registry=registry).inc(3)
    with serving(
        registry, host="127.0.0.1", port=0, setting="SPARK_X", alive=lambda: state.alive, ready=lambda: state.ready
    ) as port:
        yield f"http://127.0.0.1:{port}"


def test_metrics_are_served() -> None:
    with an_endpoint(State()) as url:
        answer = httpx.get(f"{url}/metrics")

    assert answer.status_code == 200
    assert "spark_example_total 3.0" in answer.text


@pytest.mark.parametrize("path", ["livez", "readyz"])
def test_health_is_what_the_service_says_right_now(path: str) -> None:
    """Asked on each request: a state that was true once is of no use to a supervisor."""
    state = State()
    with an_endpoint(state) as url:
        before = httpx.get(f"{url}/{path}").status_code
        state.alive = state.ready = False
        after = httpx.get(f"{url}/{path}").status_code

    assert (before, after) == (200, 503)


def test_another_path_is_not_found() -> None:
    with an_endpoint(State()) as url:
        assert httpx.get(f"{url}/admin").status_code == 404


def test_a_taken_port_is_an_error_that_names_the_setting() -> None:
    """Whoever starts the service learns what to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(CannotStart, match=rf"127\.0\.0\.1:{port} .*set SPARK_X"),
            serving(CollectorRegistry(), host="127.0.0.1", port=port, setting="SPARK_X", alive=bool, ready=bool),
        ):
            pass


def test_the_port_is_free_again_afterwards() -> None:
    with an_endpoint(State()) as url:
        port = int(url.rpartition(":")[2])
    with serving(CollectorRegistry(), host="127.0.0.1", port=port, setting="SPARK_X", alive=bool, ready=bool) as again:
        assert again == port


async def test_a_loop_that_stands_still_is_seen_from_outside() -> None:
    pulse = Pulse(most_silent_s=0.2)
    await eventually(lambda: not pulse.alive(), timeout_s=2)
    async with running(pulse.run()):
        await asyncio.sleep(0)
        assert pulse.alive()
