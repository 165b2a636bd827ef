"""Where the feed was interrupted, per subscription: what must be disclosed when it speaks again."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from spark_ingest_btcturk.channels import TICKER, Subscription

POLLED: Final = "polled"
"""The cause of a hole in which there were values, but only those of moments."""
DELISTED: Final = "delisted"
"""The cause of a hole in which the pair was not carried."""


class Break(NamedTuple):
    """A subscription that is not whole since ``since`` (ms UTC)."""

    since: int
    cause: str


class Continuity:
    """Knows, of each subscription, up to when it was heard and whether it has been heard since its last break."""

    def __init__(self) -> None:
        self._heard: dict[Subscription, int] = {}
        self._breaks: dict[Subscription, Break] = {}

    def knows(self, subscription: Subscription) -> bool:
        """Return whether it was ever heard."""
        return subscription in self._heard

    def interrupted(self, subscriptions: Iterable[Subscription], cause: str) -> None:
        """They are not listened to any more: from when each was last heard on, something may be missing."""
        for subscription in subscriptions:
            if subscription in self._heard and subscription not in self._breaks:
                self._breaks[subscription] = Break(self._heard[subscription], cause)

    def rebase(self, channel: str, cause: str, known_until: Callable[[Subscription], int | None]) -> None:
        """Let the breaks of a channel begin where another process has stopped to publish, where that is known.

        What this process heard while it stood by was not published.
        """
        for subscription, present in self._breaks.items():
            if subscription.channel == channel and (until := known_until(subscription)) is not None:
                self._breaks[subscription] = Break(min(present.since, until), cause)

    def hear(self, subscription: Subscription, received_at: int) -> Break | None:
        """Data of it came; return the break that this ends, if there is one."""
        self._heard[subscription] = received_at
        return self._breaks.pop(subscription, None) if self._breaks else None

    def polled(self, received_at: int) -> dict[Subscription, Break]:
        """Tickers came some other way, of one moment; return the breaks that this ends, each the first time.

        The breaks go on: of what lies between two such moments nothing is known.
        """
        over = (POLLED, DELISTED)
        ended = {item: one for item, one in self._breaks.items() if item.channel == TICKER and one.cause not in over}
        for item in ended:
            self._breaks[item] = Break(received_at, POLLED)
        return ended

    def forget(self, subscription: Subscription) -> None:
        """It is not wanted any more: should it come back, what it had to say meanwhile is missing."""
        if subscription in self._heard:
            since = self._breaks[subscription].since if subscription in self._breaks else self._heard[subscription]
            self._breaks[subscription] = Break(since, DELISTED)
