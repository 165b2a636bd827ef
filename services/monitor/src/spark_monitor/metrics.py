"""The monitor's metrics: callers say what happened, this module knows the names."""

from collections.abc import Iterable
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Gauge, Histogram

from spark_market.messages import Heartbeat, Status
from spark_market.venues import VENUES
from spark_monitor.judgement import Judgement

Stage = Literal["receive_to_bus", "bus_to_monitor"]

CHANNELS: Final = ("ticker", "trade", "book")
"""What a venue may send; each has its time of the last word from the start."""
_STAGES: tuple[Stage, ...] = ("receive_to_bus", "bus_to_monitor")
_LATENCIES_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_NEVER = float("inf")


class MonitorMetrics:
    """Every series of a watched venue is there from the start and stays, so that no alert waits for a first value."""

    def __init__(self, registry: CollectorRegistry, venues: Iterable[str]) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        # Two names that people already scrape; their unit is spelled as it always was.
        self._staleness = {
            venue: gauge(
                f"venue_staleness_{venue}_sec",
                f"Seconds of its market's open time since {venue} last spoke; +Inf: never.",
            )
            for venue in VENUES
        }
        for staleness in self._staleness.values():
            staleness.set(_NEVER)
        self._last_message = gauge(
            "spark_venue_last_message_timestamp_seconds", "When the venue last spoke, 0 before.", "venue", "channel"
        )
        self._status = gauge(
            "spark_venue_status", "1 for the status that the venue has; UNKNOWN while none is given.", "venue", "status"
        )
        self._market_open = gauge("spark_market_open", "1 while the venue's market is open, halts included.", "venue")
        self._known_until = gauge(
            "spark_calendar_known_until_timestamp_seconds",
            "The end of what the venue's trading calendar knows.",
            "venue",
        )
        self._instruments = gauge(
            "spark_instruments", "Instruments subscribed to, by whether they are heard.", "venue", "verdict"
        )
        self._latency = Histogram(
            "spark_pipeline_latency_seconds",
            "From receipt to the bus, and from the bus to the monitor: as right as the clocks of the machines agree.",
            ["venue", "stage"],
            buckets=_LATENCIES_S,
            registry=registry,
        )
        self._bus_up = gauge("spark_bus_up", "1 while Redis answers.")
        for venue in venues:
            for channel in CHANNELS:
                self._last_message.labels(venue, channel)
            for stage in _STAGES:
                self._latency.labels(venue, stage)
            self._count(venue, 0, 0, 0)
            self.unknown(venue)

    def bus(self, up: bool) -> None:
        """Redis answers, or does not."""
        self._bus_up.set(up)

    def market(self, venue: str, is_open: bool) -> None:
        """The market is open, or not."""
        self._market_open.labels(venue).set(is_open)

    def calendar(self, venue: str, known_until_ms: int) -> None:
        """The venue's calendar ends there."""
        self._known_until.labels(venue).set(known_until_ms / 1000)

    def staleness(self, venue: str, staleness_s: float | None) -> None:
        """How long the venue has been silent while its market could have brought data."""
        self._staleness[venue].set(_NEVER if staleness_s is None else staleness_s)

    def spoke(self, venue: str, heartbeat: Heartbeat) -> None:
        """An ingest said when its venue spoke, by its own clock."""
        for channel, age_ms in heartbeat.ages.items():
            if age_ms is not None:
                spoke_at = (heartbeat.sent_at - age_ms) / 1000
                self._last_message.labels(venue, channel).set(spoke_at)

    def latency(self, venue: str, stage: Stage, ms: float) -> None:
        """A message took ``ms``, which two clocks can make negative."""
        self._latency.labels(venue, stage).observe(max(0.0, ms) / 1000)

    def judged(self, venue: str, judgement: Judgement) -> None:
        """A verdict was given."""
        self._set_status(venue, judgement.status)
        of = judgement.instruments
        self._count(venue, of.fresh, len(of.mute), len(of.never))

    def unknown(self, venue: str) -> None:
        """No verdict can be given."""
        self._set_status(venue, Status.UNKNOWN)

    def _set_status(self, venue: str, status: Status) -> None:
        for each in Status:
            self._status.labels(venue, each.value).set(each is status)

    def _count(self, venue: str, fresh: int, mute: int, never: int) -> None:
        for verdict, number in (("fresh", fresh), ("mute", mute), ("never", never)):
            self._instruments.labels(venue, verdict).set(number)
