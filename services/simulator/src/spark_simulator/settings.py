"""What the simulator can be told."""

from pathlib import Path
from typing import Annotated, Literal

from spark_market.sessions import NONE, Overrides, read_overrides
from spark_service import settings
from spark_service.clock import WallClock
from spark_service.fields import SimulatedTime, from_file
from spark_service.settings import setting

_TYPES = ("100", "401", "402", "421", "422", "431", "432", "991")


class Settings(settings.Settings):
    """Read once in ``__main__``, then passed down as an argument."""

    host: str = setting("SPARK_SIMULATOR_HOST", "127.0.0.1", min_length=1)
    port: settings.Port = setting("SPARK_SIMULATOR_PORT", 9200)
    pairs: int = setting("SPARK_SIMULATOR_PAIRS", 8, ge=4, le=379)
    seed: int = setting("SPARK_SIMULATOR_SEED", 1)
    interval_ms: int = setting("SPARK_SIMULATOR_INTERVAL_MS", 760, ge=1, le=60_000)
    change_probability: float = setting("SPARK_SIMULATOR_CHANGE_PROBABILITY", 0.3, ge=0, le=1)
    replay: Path | None = setting("SPARK_SIMULATOR_REPLAY", None)
    replay_speed: float = setting("SPARK_SIMULATOR_REPLAY_SPEED", 1.0, gt=0, allow_inf_nan=False)
    trades_per_minute: float = setting("SPARK_SIMULATOR_TRADES_PER_MINUTE", 3.7, ge=0, le=60_000)
    tls_port: settings.Port | None = setting("SPARK_SIMULATOR_TLS_PORT", None)
    tls_certificate: Path | None = setting("SPARK_SIMULATOR_TLS_CERTIFICATE", None)
    side_of_zero: Literal["buy", "sell"] = setting("SPARK_SIMULATOR_SIDE_OF_ZERO", "buy")
    snapshot_delay_ms: int = setting("SPARK_SIMULATOR_SNAPSHOT_DELAY_MS", 191, ge=0, le=60_000)
    bist_calendar: Annotated[Overrides, from_file(read_overrides)] = setting("SPARK_BIST_CALENDAR", NONE)
    bist_clock: SimulatedTime = setting("SPARK_BIST_CLOCK", WallClock())
    scenario: Path | None = setting("SPARK_SIMULATOR_SCENARIO", None)
    ledger_file: Path | None = setting("SPARK_SIMULATOR_LEDGER_FILE", None)
    ledger_types: Annotated[settings.CommaList, settings.each_of(_TYPES)] = setting(
        "SPARK_SIMULATOR_LEDGER_TYPES", "421,422,431,432"
    )
