"""The clocks of the ingest: the market's, by which it asks, and the wall's, by which it tells."""

from spark_ingest.setback import redated
from spark_ingest_bist.holes import Moment
from spark_service.clock import Clock, MarketClock, WallClock


class Times:
    """Both clocks. With real data they are one."""

    def __init__(self, market: Clock | None = None, wall: Clock | None = None) -> None:
        self.wall = WallClock() if wall is None else wall
        self.market = self.wall if market is None else market

    @property
    def speed(self) -> float:
        """How many seconds of the market's pass in one of the wall's."""
        return self.market.speed if isinstance(self.market, MarketClock) else 1.0

    def now(self) -> Moment:
        """Return this moment; ``monotonic`` is the wall's."""
        return Moment(self.wall.now_ms(), self.market.now_ms(), self.wall.monotonic())

    def set_back(self, moment: Moment, back_ms: int, now_ms: int) -> Moment:
        """Return a moment that was taken before the wall's clock was set back to ``now_ms`` as it would be now."""
        wall_ms = redated(moment.wall_ms, back_ms, now_ms)
        return Moment(wall_ms, moment.market_ms - int((moment.wall_ms - wall_ms) * self.speed), moment.monotonic)

    def at(self, wall_ms: int) -> Moment:
        """Return a moment that passed, or is to come, by the wall's clock."""
        now = self.now()
        since_ms = wall_ms - now.wall_ms
        return Moment(wall_ms, now.market_ms + int(since_ms * self.speed), now.monotonic + since_ms / 1000)
