"""What one connection has joined, and whether it is true: only data proves a subscription, an ack never does.

Times are the monotonic clock's, in seconds. No I/O: the frames to send are returned.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from spark_ingest_btcturk.channels import TICKER, Subscription
from spark_ingest_btcturk.frames import join, leave

PROOF_S = 5.0
"""The venue's first data comes within 0.4 s of a join, a ticker's within 0.8."""
MUTE_AFTER_S = 15.0
"""A ticker is repeated every 0.8 s whether or not it changes. No other channel's silence means anything."""
TRIES = 2
"""Unanswered joins before only a new connection can help what has spoken before."""
_SPEAKING_S = 3.0
_LONGEST_PROOF_S = 60.0
_LONGEST_PATIENCE_S = 3_600.0


class Unheard(Exception):
    """Joining again does not bring back what spoke before."""


class Tended(NamedTuple):
    """``frames`` are to be sent; ``mute`` are the subscriptions that have fallen silent, and are joined again."""

    frames: list[str]
    mute: list[Subscription]


@dataclass
class _Join:
    asked_at: float = 0.0
    tries: int = 0
    proven: bool = False
    heard_at: float = 0.0
    due: bool = False
    distrusted_at: float = 0.0
    distrusts: int = 0

    def patience_s(self) -> float:
        return _doubled(PROOF_S, self.tries - 1, _LONGEST_PROOF_S)

    def pause_s(self) -> float:
        """Return how long the next repair waits: the first is immediate, and one that does not last makes it longer."""
        return 0.0 if self.distrusts <= 1 else _doubled(1.0, self.distrusts - 2, _LONGEST_PROOF_S)


class Subscriptions:
    """One connection's; it outlives the connection, and so knows what has ever spoken."""

    def __init__(self) -> None:
        self._probe: Subscription | None = None
        self._joins: dict[Subscription, _Join] = {}
        self._ever_heard: set[Subscription] = set()
        self._open = False
        self._heard_at = 0.0
        self._given_up = 0
        self._no_giving_up_before = 0.0

    def __len__(self) -> int:
        return len(self._joins)

    def __contains__(self, subscription: Subscription) -> bool:
        return subscription in self._joins

    def all(self) -> list[Subscription]:
        """Return everything that is wanted."""
        return list(self._joins)

    def unproven(self) -> list[Subscription]:
        """Return what has brought no data since it was last joined."""
        return [subscription for subscription, state in self._joins.items() if not state.proven]

    def overdue(self, now: float) -> list[Subscription]:
        """Return what should have brought data by now: a join that has just been sent is no trouble yet."""
        return [
            subscription
            for subscription, state in self._joins.items()
            if not state.proven and (state.tries > 1 or now - state.asked_at > PROOF_S)
        ]

    def opened(self, now: float) -> list[str]:
        """A new connection knows of nothing: return the joins to send."""
        self._open = True
        self._heard_at = now
        self._joins = {subscription: _Join(asked_at=now, tries=1) for subscription in self._joins}
        return [join(subscription.venue_channel, subscription.event) for subscription in self._joins]

    def closed(self) -> None:
        """The connection is gone, and every proof with it."""
        self._open = False
        for state in self._joins.values():
            state.proven = False

    def want(self, wanted: Collection[Subscription], now: float, probe: Subscription | None = None) -> list[str]:
        """Replace what is wanted; returns the leaves and joins to send.

        Nothing is lost with the ``probe``: its silence never costs the others their connection.
        """
        self._probe = probe
        gone = [subscription for subscription in self._joins if subscription not in wanted]
        new = [subscription for subscription in wanted if subscription not in self._joins]
        for subscription in gone:
            del self._joins[subscription]
            self._ever_heard.discard(subscription)
        for subscription in new:
            self._joins[subscription] = _Join(asked_at=now, tries=1)
        if not self._open:
            return []
        return [leave(item.venue_channel, item.event) for item in gone] + [
            join(item.venue_channel, item.event) for item in new
        ]

    def heard(self, subscription: Subscription, now: float, *, proof: bool) -> bool:
        """Data of it came; ``proof`` is whether it is of the kind that a join begins with.

        Returns whether it is wanted: it may have been on its way when it was left.
        """
        state = self._joins.get(subscription)
        if state is None:
            return False
        self._heard_at = state.heard_at = now
        if proof and not state.proven and not state.due:
            state.proven = True
            self._ever_heard.add(subscription)
        return True

    def distrust(self, subscription: Subscription, now: float) -> bool:
        """What came of it does not fit: join it again at the next `tend`, later if that happens over and over.

        Returns False when it is not joined, or about to be joined again as it is.
        """
        state = self._joins.get(subscription)
        if state is None or state.due:
            return False
        if now - state.distrusted_at - state.pause_s() > _LONGEST_PROOF_S:  # the last repair has lasted
            state.distrusts = 0
        state.distrusts += 1
        state.distrusted_at = now
        state.proven, state.due, state.tries = False, True, 0
        state.asked_at = now
        return True

    def tend(self, now: float) -> Tended:
        """Look after what is silent. Raises Unheard when only a new connection can help."""
        frames: list[str] = []
        mute: list[Subscription] = []
        if now >= self._no_giving_up_before and all(
            state.proven for subscription, state in self._joins.items() if subscription != self._probe
        ):
            self._given_up = 0
        for subscription, state in self._joins.items():
            if state.proven and subscription.channel == TICKER and self._fell_silent(state, now):
                mute.append(subscription)
                self.distrust(subscription, now)
            if state.due:
                if now - state.asked_at < state.pause_s():
                    continue
            elif state.proven or now - state.asked_at < state.patience_s():
                continue
            elif state.tries >= TRIES and self._is_missed(subscription) and now >= self._no_giving_up_before:
                self._give_up(subscription, now)
            state.due = False
            state.tries += 1
            state.asked_at = now
            # The leave first: the venue refuses a second join of the same, and then sends no new beginning.
            frames += [
                leave(subscription.venue_channel, subscription.event),
                join(subscription.venue_channel, subscription.event),
            ]
        return Tended(frames, mute)

    def _fell_silent(self, state: _Join, now: float) -> bool:
        return now - state.heard_at > MUTE_AFTER_S and now - self._heard_at < _SPEAKING_S

    def _is_missed(self, subscription: Subscription) -> bool:
        return subscription in self._ever_heard and subscription != self._probe

    def _give_up(self, subscription: Subscription, now: float) -> None:
        """Others on this connection are well, and lose it too: so not over and over for one that stays silent."""
        self._given_up += 1
        self._no_giving_up_before = now + _doubled(30.0, self._given_up, _LONGEST_PATIENCE_S)
        raise Unheard(f"no data of {subscription.channel}:{subscription.event} after {TRIES} joins")


def _doubled(first_s: float, times: int, most_s: float) -> float:
    return min(first_s * 2.0 ** min(max(0, times), 20), most_s)  # what is tried for weeks is beyond any float
