"""The monitor's metrics: callers say what happened, this module knows the names."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from spark_market.messages import Heartbeat, Status
from spark_market.venues import VENUES
from spark_monitor.alarms import SEVERITIES, Alarms
from spark_monitor.judgement import Judgement
from spark_monitor.latency import Latencies
from spark_monitor.raised import Raised
from spark_monitor.standing import NOBODY, Heard, Standing

_CHANNELS: Final = ("ticker", "trade", "book")
"""What a venue may send; each has its time of the last word from the start."""
_NEVER = float("inf")
_UNKNOWN = float("nan")


class MonitorMetrics:
    """Every series of a watched venue is there from the start and stays, so that no alert waits for a first value."""

    def __init__(self, registry: CollectorRegistry, venues: Sequence[str]) -> None:
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
        self._target = gauge("spark_venue_staleness_target_seconds", "Silence beyond this is STALE.", "venue")
        self._instruments = gauge(
            "spark_instruments", "Instruments, by the worst verdict on any of their channels.", "venue", "verdict"
        )
        self._subscriptions = gauge(
            "spark_subscriptions", "Instruments of a channel, by verdict.", "venue", "channel", "verdict"
        )
        self._offset = gauge(
            "spark_venue_clock_offset_seconds",
            "The venue's clock minus ours, as far as the quickest messages tell; NaN while they do not.",
            "venue",
        )
        self._alarms = gauge("spark_alarms", "Alarms open now.", "venue", "severity")
        self._raised = Raised(registry, venues)
        self._retention = gauge(
            "spark_bus_retention_seconds", "How old the oldest entry of a venue's stream is.", "venue"
        )
        self._memory = gauge("spark_redis_memory_bytes", "What Redis holds in memory.")
        self._memory_limit = gauge("spark_redis_memory_limit_bytes", "What it may hold, 0 without a limit.")
        self._evicts = gauge("spark_redis_evicts", "1 if at that limit it drops what it holds, in silence.")
        self._bus_up = gauge("spark_bus_up", "1 while Redis answers.")
        self.latencies = Latencies(registry, venues)
        for venue in venues:
            for channel in _CHANNELS:
                self._last_message.labels(venue, channel)
            for severity in SEVERITIES:
                self._alarms.labels(venue, severity)
            self._retention.labels(venue)
            self.offset(venue, None)
            self._count(venue, NOBODY)
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

    def target(self, venue: str, target_s: float) -> None:
        """A venue is stale after so long."""
        self._target.labels(venue).set(target_s)

    def offset(self, venue: str, offset_ms: float | None) -> None:
        """The venue's clock is so far ahead of ours; None while nobody knows."""
        self._offset.labels(venue).set(_UNKNOWN if offset_ms is None else offset_ms / 1000)

    def retention(self, venue: str, seconds: float) -> None:
        """A venue's stream reaches back so far."""
        self._retention.labels(venue).set(seconds)

    def memory(self, used: int, limit: int, *, evicts: bool) -> None:
        """Redis holds so many bytes, and may hold so many; 0 is no limit. At the limit it refuses, or ``evicts``."""
        self._memory.set(used)
        self._memory_limit.set(limit)
        self._evicts.set(evicts)

    def alarms(self, venue: str, alarms: Alarms) -> None:
        """These are open."""
        counts = alarms.counts()
        for severity in SEVERITIES:
            self._alarms.labels(venue, severity).set(counts[severity])

    def raised(self, venue: str, kind: str, severity: str) -> None:
        """An alarm was raised."""
        self._raised.count(venue, kind, severity)

    def judged(self, venue: str, judgement: Judgement) -> None:
        """A verdict was given."""
        self._set_status(venue, judgement.status)
        self._count(venue, judgement.standing)

    def unknown(self, venue: str) -> None:
        """No verdict can be given."""
        self._set_status(venue, Status.UNKNOWN)

    def _set_status(self, venue: str, status: Status) -> None:
        for each in Status:
            self._status.labels(venue, each.value).set(each is status)

    def _count(self, venue: str, standing: Standing) -> None:
        for verdict in Heard:
            self._instruments.labels(venue, verdict.value).set(standing.instruments.get(verdict, 0))
            for channel in _CHANNELS:
                count = standing.by_channel.get(channel, {}).get(verdict, 0)
                self._subscriptions.labels(venue, channel, verdict.value).set(count)
