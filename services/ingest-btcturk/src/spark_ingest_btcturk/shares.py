"""Which pairs each socket carries: filled one after the other, and kept there as pairs come and go."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from spark_ingest_btcturk.channels import ALL, TICKER, Subscription


class Share(NamedTuple):
    """What one socket joins. ``probe`` is there only to show that the socket lives; its data is not published."""

    subscriptions: tuple[Subscription, ...]
    probe: Subscription | None = None


class Shares:
    """The spread of pairs over sockets."""

    def __init__(self, channels: Sequence[str], pairs_per_socket: int) -> None:
        self._channels = channels
        self._most = pairs_per_socket
        self._pairs: list[list[str]] = []
        self._whole: bool | None = None

    def spread(self, pairs: Collection[str], listed: int) -> list[Share]:
        """Return what each socket joins for ``pairs``; ``listed`` is how many pairs the venue has, 0 if unknown.

        A pair never moves from one socket to another, since that would break it off. A socket may be left with none.
        """
        if self._whole is None and listed:
            self._whole = self._cheaper_whole(len(pairs), listed)
        for share in self._pairs:
            share[:] = [pair for pair in share if pair in pairs]
        placed = {pair for share in self._pairs for pair in share}
        for pair in pairs:
            if pair not in placed:
                self._with_room().append(pair)
        first = next((share for share in self._pairs if share), None)
        return [self._share(share, first=share is first) for share in self._pairs]

    def _cheaper_whole(self, wanted: int, listed: int) -> bool:
        """Return whether to join ``all``, which brings every pair that is listed, wanted or not.

        Half of its rows wasted cost about what a frame for each pair does. What fits one socket is joined pair by
        pair all the same: then each of them is proven, and repaired, by itself.
        """
        return wanted > self._most and 2 * wanted >= listed

    def _with_room(self) -> list[str]:
        for share in self._pairs:
            if len(share) < self._most:
                return share
        self._pairs.append([])
        return self._pairs[-1]

    def _share(self, pairs: Sequence[str], *, first: bool) -> Share:
        if not pairs:
            return Share(())
        others = tuple(Subscription(channel, pair) for pair in pairs for channel in self._channels if channel != TICKER)
        if not self._whole:
            return Share(tuple(Subscription(TICKER, pair) for pair in pairs) + others)
        if first:
            return Share((Subscription(TICKER, ALL), *others))
        probe = Subscription(TICKER, pairs[0])
        return Share((probe, *others), probe)
