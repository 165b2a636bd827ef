"""The reader of a stream that is being opened: what it has been written so far, venue by venue."""

from collections.abc import Iterator

from spark_bus.cursor import Cursor
from spark_gateway.events import Frame
from spark_gateway.hub import Hub
from spark_gateway.member import PATIENCE_S, Member
from spark_gateway.subscription import Subscription
from spark_gateway.track import Track

_SLICE = 100


class StreamReader:
    """``positions`` is what a cut now would have it come back with; every id says them all.

    Writing goes at the pace the reader takes it, and raises TimeoutError and ConnectionResetError when it takes none.
    """

    def __init__(self, hub: Hub, member: Member, subscription: Subscription) -> None:
        self.positions: dict[str, Cursor] = {}
        self._hub = hub
        self._member = member
        self._subscription = subscription
        self._told = {venue: hub.verdicts.changes(venue) for venue in subscription.venues}
        self._alarms_told = hub.alarms.position

    @property
    def throttled(self) -> bool:
        """Whether it gets the newest values only."""
        return self._subscription.throttle_ms > 0

    @property
    def tracks(self) -> dict[str, Track]:
        """Its group's part of each venue; the group may be another after each wait, for a group goes with its last."""
        return self._hub.group(self._subscription).tracks

    def loaded(self) -> Iterator[Track]:
        """Return the venues that have been loaded."""
        return (track for track in self.tracks.values() if track.feed.position is not None)

    def lacks(self, track: Track) -> bool:
        """Return whether there is more of a venue than it has been brought to."""
        position, reached = track.feed.position, self.positions[track.feed.venue]
        return position is not None and (position.epoch != reached.epoch or position.entry > reached.entry)

    def statuses(self) -> bytes:
        """Return how its venues are, as events."""
        venues = self._subscription.venues
        self._told = {venue: self._hub.verdicts.changes(venue) for venue in venues}
        self._alarms_told = self._hub.alarms.position
        return b"".join([self._hub.status_event(venue) for venue in venues])

    def waiting(self) -> bytes:
        """Return what it is told while there is nothing to go on with."""
        return self._hub.waiting_events(self._subscription)

    async def write(self, text: bytes) -> None:
        """Write events."""
        await self._member.write_patiently(text, PATIENCE_S)

    async def write_frames(self, track: Track, frames: list[Frame], through: Cursor) -> None:
        """Write frames of one venue, holding little more than the reader can take now; they bring it ``through``."""
        for at in range(0, len(frames), _SLICE):
            group = self._hub.group(self._subscription)
            await self.write(b"".join(group.events(track.feed.venue, frames[at : at + _SLICE], self.positions)))
        self.positions[track.feed.venue] = through

    async def begin(self, tracks: list[Track], before: bytes = b"") -> None:
        """Write the current values of some venues, closed by the positions that they are of."""
        statuses, values = self.statuses(), b"".join([track.opening() for track in tracks])
        for track in tracks:
            assert track.feed.position is not None  # noqa: S101, it has been loaded
            self.positions[track.feed.venue] = track.feed.position
        await self.write(before + statuses + values + self._hub.health_event(self._subscription, self.positions))

    def join(self) -> None:
        """Let it join its group, where nothing waits for it. Raises ConnectionResetError when it is gone."""
        if self._member.gone:
            raise ConnectionResetError
        group = self._hub.group(self._subscription)
        group.join(self._member, self.positions)
        for venue, told in self._told.items():
            if told != self._hub.verdicts.changes(venue):
                group.tell(self._hub.status_event(venue))
        if news := self._hub.alarms.after(self._subscription.venues, self._alarms_told):
            group.tell(news)
