"""Every environment variable the platform reads, and what it accepts: the one list of names.

A service refuses to start on a near miss of a name in here, so a typing error can not pass for a default.
"""

from typing import Final

NAMES: Final[dict[str, str]] = {
    "SPARK_REDIS_URL": "a Redis or Valkey address, redis://[user:password@]host:port/db or rediss://…",
    "SPARK_VENUES": "a comma list of venues: btcturk, bist",
    "SPARK_REAL_DATA": "0 for the simulator's data, marked mock, or 1 for the venues' own",
    "SPARK_LOG_LEVEL": "debug, info, warning or error",
    "SPARK_METRICS_HOST": "the address that ingests, monitor and the gateway's admin port serve /metrics on",
    "SPARK_BTCTURK_WS_URL": "a WebSocket address, ws://… or wss://…",
    "SPARK_BTCTURK_REST_URL": "an HTTP address, http://… or https://…",
    "SPARK_BTCTURK_SYMBOLS": "a comma list of symbols such as BTC_TRY and quotes such as *_TRY, or * for all",
    "SPARK_BTCTURK_CHANNELS": "ticker, or a comma list of it with trade and book",
    "SPARK_BTCTURK_PAIRS_PER_SOCKET": "a whole number from 1 to 1000",
    "SPARK_BTCTURK_CONNECTS_PER_MINUTE": "a whole number from 1 to 15",
    "SPARK_BTCTURK_REFRESH": "seconds between two readings of the venue's instruments, 1 to 86400",
    "SPARK_BTCTURK_SIDE_OF_ZERO": "buy or sell: the taker of a trade that the venue marks with side 0",
    "SPARK_BTCTURK_METRICS_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_BIST_SOURCE": "yahoo or vendor, or simulator without real data: where prices come from",
    "SPARK_BIST_URL": "an HTTP address, http://… or https://…",
    "SPARK_BIST_SYMBOLS": "a comma list of symbols such as THYAO, @FILE with one a line, or * for all",
    "SPARK_BIST_VENDOR": "the YAML file that describes a licensed source",
    "SPARK_BIST_SECRET": "the vendor's key, or lines NAME=VALUE when it takes several",
    "SPARK_BIST_CALENDAR": "a file of days and hours at which the exchange departs from its calendar",
    "SPARK_BIST_CLOCK": "what time the simulated market starts at, such as 2026-04-27T10:30+03:00",
    "SPARK_BIST_METRICS_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_MONITOR_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_VENUE_STALENESS_TARGET": "seconds of silence after which a venue is STALE, 1 to 86400",
    "SPARK_GATEWAY_HOST": "the address that the gateway listens on",
    "SPARK_GATEWAY_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_GATEWAY_STREAM_LIFE": "seconds after which a stream is ended and its reader comes back, 1 to 86400",
    "SPARK_GATEWAY_ACCESS": "a JSON file of classes and API keys",
    "SPARK_GATEWAY_RATE": "requests a second of one address without an access file, 0.001 to 1000000",
    "SPARK_GATEWAY_BURST": "requests at once of one address without an access file, 1 to 1000000",
    "SPARK_GATEWAY_STREAMS_PER_CLIENT": "open streams of one address without an access file, 1 to 1000000",
    "SPARK_GATEWAY_STREAMS": "open streams of one gateway in all, 1 to 1000000",
    "SPARK_GATEWAY_AUDIT_LOG": "the file for violations of limits, one JSON line each; a file for each gateway",
    "SPARK_GATEWAY_CORS_ORIGINS": "* or a comma list of origins such as https://example.com",
    "SPARK_GATEWAY_TRUSTED_PROXIES": "a comma list of addresses and networks such as 10.0.0.0/8",
    "SPARK_GATEWAY_ADMIN_PORT": "a TCP port of its own for metrics and other admin routes, 0 to 65535 (0: any)",
    "SPARK_SIMULATOR_HOST": "the address that the simulator listens on",
    "SPARK_SIMULATOR_PORT": "a free TCP port, 0 to 65535 (0: any)",
    "SPARK_SIMULATOR_PAIRS": "how many BtcTurk pairs to simulate, 4 to 379",
    "SPARK_SIMULATOR_SEED": "a whole number; the same seed walks the same prices",
    "SPARK_SIMULATOR_INTERVAL_MS": "milliseconds between two tickers of a pair, 1 to 60000",
    "SPARK_SIMULATOR_CHANGE_PROBABILITY": "how often a ticker differs from the one before, 0 to 1",
    "SPARK_SIMULATOR_REPLAY": "a file of recorded frames to send instead of a random walk, one JSON object a line",
    "SPARK_SIMULATOR_REPLAY_SPEED": "how much faster than recorded, above 0 (1: as recorded)",
    "SPARK_SIMULATOR_TRADES_PER_MINUTE": "takers a minute of the busiest pair, 0 to 60000; other pairs have fewer",
    "SPARK_SIMULATOR_TLS_PORT": "a free TCP port that speaks TLS, 0 to 65535 (0: any)",
    "SPARK_SIMULATOR_TLS_CERTIFICATE": "a PEM file with the certificate and the key of the TLS port",
    "SPARK_SIMULATOR_SIDE_OF_ZERO": "what side 0 of a trade means on the feed: the taker's buy or sell",
    "SPARK_SIMULATOR_SNAPSHOT_DELAY_MS": "milliseconds from a join to its snapshot at least, at most twice that",
    "SPARK_SIMULATOR_SCENARIO": "a file of faults with the seconds they come at, one JSON object a line or an array",
    "SPARK_SIMULATOR_LEDGER_FILE": "a file that gets a JSON line for each frame sent",
    "SPARK_SIMULATOR_LEDGER_TYPES": "types for the ledger's file, by comma: 100, 401, 402, 421, 422, 431, 432, 991",
}

SECRETS: Final = frozenset({"SPARK_REDIS_URL", "SPARK_BIST_SECRET"})
"""Settings that may hold a password: NAME_FILE may name a file that holds the value, and it is never logged."""
