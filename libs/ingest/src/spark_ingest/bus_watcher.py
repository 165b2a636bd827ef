"""What happens on the bus, passed on: to the metrics always, to the log once for each change."""

import structlog

from spark_bus.cursor import EntryId
from spark_bus.publisher import Outgoing
from spark_ingest.metrics import BusMetrics
from spark_ingest.telling import Telling

logger = structlog.get_logger()


class BusWatcher:
    """The carrier's watcher; see `spark_bus.carrier.CarrierWatcher` for when each method is called."""

    def __init__(self, metrics: BusMetrics, redis_address: str, telling: Telling) -> None:
        self._metrics = metrics
        self._address = redis_address
        self._telling = telling
        self._trouble = False
        self.stood_by = False
        """Whether another ingest held the venue when this one came."""

    def bus_reached(self) -> None:
        """Redis answered."""
        if self._trouble:
            logger.info("redis is back", address=self._address)
        self._trouble = False
        self._metrics.bus_reached()

    def bus_lost(self, error: Exception, wait_s: float) -> None:
        """A call failed."""
        if not self._trouble:
            logger.error(
                "cannot use redis; messages are held until it is back. Start it, or correct SPARK_REDIS_URL",
                address=self._address,
                error=str(error),
            )
        self._trouble = True
        self._metrics.bus_lost()

    def published(self, batch: list[Outgoing]) -> None:
        """Redis acknowledged a batch."""
        self._metrics.published(batch)

    def epoch_born(self, epoch: str) -> None:
        """An epoch began: a first start, or Redis lost something."""
        logger.warning("a new epoch begins", epoch=epoch)
        self._telling.forget()
        self._metrics.epoch_born()

    def standing_by(self, wait_ms: int) -> None:
        """Another ingest holds the venue."""
        if not self.stood_by:
            logger.warning("another ingest writes this venue; standing by", its_lease_ends_in_ms=wait_ms)
        self.stood_by = True

    def beaten(self, first: EntryId) -> None:
        """A heartbeat was taken."""
        self._telling.acknowledged()
        self._metrics.beaten(first)
