"""Every environment variable the platform reads, and what it accepts: the one list of names.

A service refuses to start on a near miss of a name in here, so a typing error can not pass for a default.
"""

from typing import Final

NAMES: Final[dict[str, str]] = {
    "SPARK_REDIS_URL": "a Redis or Valkey address, redis://[user:password@]host:port/db or rediss://…",
    "SPARK_VENUES": "a comma list of venues: btcturk, bist",
    "SPARK_REAL_DATA": "0 for the simulator's data, marked mock, or 1 for the venues' own",
    "SPARK_LOG_LEVEL": "debug, info, warning or error",
    "SPARK_METRICS_HOST": "the address that ingests and monitor serve /metrics on",
    "SPARK_BTCTURK_WS_URL": "a WebSocket address, ws://… or wss://…",
    "SPARK_BTCTURK_REST_URL": "an HTTP address, http://… or https://…",
    "SPARK_BTCTURK_SYMBOLS": "a comma list of symbols such as BTC_TRY,ETH_TRY, or * for all",
    "SPARK_BTCTURK_METRICS_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_BIST_SOURCE": "reserved for the Borsa İstanbul ingest",
    "SPARK_BIST_URL": "reserved for the Borsa İstanbul ingest",
    "SPARK_BIST_SYMBOLS": "reserved for the Borsa İstanbul ingest",
    "SPARK_BIST_METRICS_PORT": "reserved for the Borsa İstanbul ingest",
    "SPARK_MONITOR_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_VENUE_STALENESS_TARGET": "seconds of silence after which a venue is STALE, 1 to 86400",
    "SPARK_GATEWAY_HOST": "the address that the gateway listens on",
    "SPARK_GATEWAY_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_SIMULATOR_HOST": "the address that the simulator listens on",
    "SPARK_SIMULATOR_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_SIMULATOR_PAIRS": "how many BtcTurk pairs to simulate, 4 to 379",
    "SPARK_SIMULATOR_SEED": "a whole number; the same seed walks the same prices",
    "SPARK_SIMULATOR_INTERVAL_MS": "milliseconds between two tickers of a pair, 1 to 60000",
    "SPARK_SIMULATOR_CHANGE_PROBABILITY": "how often a ticker differs from the one before, 0 to 1",
    "SPARK_SIMULATOR_REPLAY": "a file of recorded frames to send instead of a random walk, one JSON object a line",
    "SPARK_SIMULATOR_REPLAY_SPEED": "how much faster than recorded, above 0 (1: as recorded)",
}

SECRETS: Final = frozenset({"SPARK_REDIS_URL"})
"""Settings that may hold a password: NAME_FILE may name a file that holds the value, and it is never logged."""
