"""The audit itself: it must be able to fail, or the other tests here prove nothing."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from support.audit import LIVELY, audited
from support.sse import Event, EventSource
from support.stack import Stack


async def test_whatever_a_client_might_suffer_is_noticed() -> None:
    """An honest run passes; the same run with one event lost, doubled, swapped, spoilt or badly disclosed does not."""
    async with audited(Stack(LIVELY)) as audit:
        audit.stack.ingest.pause()  # so that something is lost for certain
        await asyncio.sleep(0.3)
        audit.stack.ingest.restart()
        await audit.healed("ingest killed, to be tampered with")
        await audit.settle()
        audit.hold_to_account(causes=["takeover"])

        ticks = _identified(audit.each)
        gaps = [at for at, event in enumerate(audit.each.events) if event.type == "gap"]
        assert len(audit.lost()) > 4

        def lose(events: list[Event]) -> None:
            del events[ticks[-50]]

        def double(events: list[Event]) -> None:
            events.insert(ticks[-50], events[ticks[-50]])

        def swap(events: list[Event]) -> None:
            one, other = ticks[-51], ticks[-50]
            events[one], events[other] = events[other], events[one]

        def spoil(events: list[Event]) -> None:
            event = events[ticks[-50]]
            events[ticks[-50]] = _with(event, price=event.data["price"] + 1)

        def keep_secret(events: list[Event]) -> None:
            for at in reversed(gaps):
                del events[at]

        def begin_late(events: list[Event]) -> None:
            for at in gaps:
                events[at] = _with(events[at], **{"from": events[at].data["to"]})

        def disclose_late(events: list[Event]) -> None:
            events[:] = [event for event in events if event.type != "gap"] + [_with(events[at], id="") for at in gaps]

        for tamper in (lose, double, swap, spoil, keep_secret, begin_late, disclose_late):
            with _tampered(audit.each, tamper), pytest.raises(AssertionError) as caught:
                audit.hold_to_account(causes=["takeover"])
            print(f"{tamper.__name__}: {str(caught.value).splitlines()[0][:120]}")
        audit.hold_to_account(causes=["takeover"])


def _identified(client: EventSource) -> list[int]:
    return [at for at, event in enumerate(client.events) if event.type == "ticker" and event.id]


def _with(event: Event, **changed: object) -> Event:
    return Event(str(changed.pop("id", event.id)), event.type, {**event.data, **changed}, event.raw)


@contextmanager
def _tampered(client: EventSource, tamper: Callable[[list[Event]], None]) -> Iterator[None]:
    honest = client.events
    client.events = list(honest)
    tamper(client.events)
    yield
    client.events = honest
