"""What the simulator can be told."""

from pathlib import Path

from spark_service import settings
from spark_service.settings import setting


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
