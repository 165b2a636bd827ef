"""What the API's description shows: messages, answers, errors, and the beginning of a stream."""

TICKER = {
    "type": "ticker",
    "data": {
        "venue": "btcturk", "symbol": "BTC_TRY", "mode": "real", "price": 4643580, "bid": 4643000, "ask": 4643580,
        "bidSize": 0.1, "askSize": 0.2, "open": 4640000, "previousClose": None, "high": 4700000, "low": 4600000,
        "volume": 123.45, "vwap": 4650000, "turnover": None, "referencePrice": None, "change": 3580, "changePct": 0.08,
        "venueTime": None, "receivedAt": 1766400000123,
    },
}  # fmt: skip
TICKER_OF_BIST = {
    "type": "ticker",
    "data": {
        "venue": "bist", "symbol": "THYAO", "mode": "delayed", "price": 312.25, "bid": None, "ask": None,
        "bidSize": None, "askSize": None, "open": 311, "previousClose": 310.5, "high": 314, "low": 309.75,
        "volume": 21456789, "vwap": None, "turnover": 6690123456.75, "referencePrice": 310.5, "change": 1.75,
        "changePct": 0.56, "venueTime": 1795417265000, "receivedAt": 1795418170123,
    },
}  # fmt: skip
TRADE = {
    "type": "trade",
    "data": {
        "venue": "btcturk", "symbol": "BTC_TRY", "mode": "real", "id": "639012345678901234", "price": 4643580,
        "size": 0.0125, "side": "buy", "venueTime": 1766400000098, "receivedAt": 1766400000123,
    },
}  # fmt: skip
BOOK = {
    "type": "book",
    "data": {
        "venue": "btcturk", "symbol": "BTC_TRY", "mode": "real", "sequence": "4021", "previous": None,
        "bids": [[4643000, 0.1], [4642500, 1.25]], "asks": [[4643580, 0.2]], "venueTime": None,
        "receivedAt": 1766400000123,
    },
}  # fmt: skip
GAP = {
    "type": "gap",
    "data": {
        "venue": "btcturk", "channel": "trade", "symbol": "BTC_TRY", "from": 1766400000123, "to": 1766400004321,
        "cause": "network", "lost": None,
    },
}  # fmt: skip
STATUS = {
    "type": "status",
    "data": {
        "venue": "btcturk", "status": "STALE", "stalenessSec": 41.5, "mode": "real",
        "reason": "nothing for 41 s", "since": 1766400000123, "delayMs": 0,
    },
}  # fmt: skip
STATUS_CLOSED = {
    "type": "status",
    "data": {
        "venue": "bist", "status": "CLOSED", "stalenessSec": 0, "mode": "delayed",
        "reason": "closed until 2026-11-23 10:15 +03:00 (with the source's delay)", "since": 1795188300000,
        "delayMs": 900_000,
    },
}  # fmt: skip
ALARM = {
    "type": "alarm",
    "data": {
        "venue": "btcturk", "id": "btcturk:mute:trade:XRP_TRY", "state": "raised", "severity": "warning",
        "reason": "trade:XRP_TRY since 2025-12-22 10:40:00 UTC, as a rule silent for 40 s at most; 212 words of others "
        "meanwhile",
        "since": 1766400000123,
    },
}  # fmt: skip
LAGGED = {"type": "lagged", "data": {"venue": "btcturk", "conflated": 12, "dropped": 0}}
HEALTH = {"type": "health", "data": {"serverTime": 1766400000150, "throttle": 250, "venues": {"btcturk": "UP"}}}
GOODBYE = {"type": "goodbye", "data": {"reason": "shutdown", "retry": 1200}}
MESSAGES = (TICKER, TICKER_OF_BIST, TRADE, BOOK, GAP, STATUS, STATUS_CLOSED, ALARM, LAGGED, HEALTH, GOODBYE)

CURSOR = "btcturk.0f6c2b9d41aa.1766400000123-0"
INSTRUMENT = {
    "symbol": "BTC_TRY", "base": "BTC", "quote": "TRY", "venueSymbol": "BTCTRY", "venueId": "1", "status": "TRADING",
    "priceScale": 0, "sizeScale": 8, "statisticsWindow": "24h", "name": None, "session": None,
}  # fmt: skip
INSTRUMENT_OF_BIST = {
    "symbol": "THYAO", "base": "THYAO", "quote": "TRY", "venueSymbol": "THYAO.IS", "venueId": None, "status": None,
    "priceScale": 2, "sizeScale": 0, "statisticsWindow": "session", "name": "TÜRK HAVA YOLLARI",
    "session": {"opensAt": 1795417200000, "closesAt": 1795446000000, "half": False},
}  # fmt: skip
INSTRUMENTS = (INSTRUMENT, INSTRUMENT_OF_BIST)
SYMBOLS = {"venue": "btcturk", "instruments": [INSTRUMENT]}
HISTORY = {
    "venue": "btcturk", "cursor": "btcturk.0f6c2b9d41aa.1766400009876-0", "from": 1766400000123, "complete": False,
    "before": "btcturk.0f6c2b9d41aa.1766400000123-0", "messages": [TICKER, GAP, TRADE],
}  # fmt: skip
HEALTHZ = {
    "venues": {
        "btcturk": {
            "status": "UP", "stalenessSec": 0.2, "mode": "real", "reason": "real data", "since": 1766400000123,
            "delayMs": 0,
        },
        "bist": {
            "status": "CLOSED", "stalenessSec": 0, "mode": "delayed", "since": 1795188300000,
            "reason": "closed until 2026-11-23 10:15 +03:00 (with the source's delay)", "delayMs": 900_000,
        },
    },
    "thresholds": {"venueStalenessTarget": 30},
}  # fmt: skip
ALARMS = {"open": [ALARM], "recent": [{"toldAt": 1766400120456, "message": ALARM}]}
VENUE_METRICS = {
    "venue_staleness_btcturk_sec": 0.2, "venue_staleness_bist_sec": None,
    "spark_venue_status": {"btcturk": "UP", "bist": "DOWN"},
}  # fmt: skip
VENUE_METRICS_TEXT = """\
# HELP venue_staleness_btcturk_sec Seconds of its market's open time since the venue last spoke; +Inf: never.
# TYPE venue_staleness_btcturk_sec gauge
venue_staleness_btcturk_sec 0.2
"""
METRICS_TEXT = """\
# HELP spark_gateway_streams Streams open now.
# TYPE spark_gateway_streams gauge
spark_gateway_streams 12.0
"""
VERSION = {"name": "spark-gateway", "version": "0.1.0"}
STREAM = """\
retry: 1200

data: {"type":"status","data":{"venue":"btcturk","status":"UP","stalenessSec":0.2,...}}

data: {"type":"ticker","data":{"venue":"btcturk","symbol":"BTC_TRY","price":4643580,...}}

id: btcturk.0f6c2b9d41aa.1766400000123-0
data: {"type":"health","data":{"serverTime":1766400000150,"throttle":250,"venues":{"btcturk":"UP"}}}

id: btcturk.0f6c2b9d41aa.1766400000871-0
data: {"type":"ticker","data":{"venue":"btcturk","symbol":"BTC_TRY","price":4643600,...}}

id: btcturk.0f6c2b9d41aa.1766400000874-0
data: {"type":"trade","data":{"venue":"btcturk","symbol":"BTC_TRY","id":"639012345678901234","price":4643600,...}}

id: btcturk.0f6c2b9d41aa.1766400000902-0
data: {"type":"book","data":{"venue":"btcturk","symbol":"BTC_TRY","sequence":"4022","previous":"4021","bids":[],...}}
"""


def _problem(status: int, title: str, detail: str, **more: object) -> dict[str, object]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}


PROBLEMS = {
    401: _problem(401, "Unauthorized", "This key is not known"),
    403: _problem(403, "Forbidden", "This key is not for btcturk"),
    404: _problem(
        404, "Unknown symbol", "There is no symbol 'BTCTRY' here; did you mean BTC_TRY?", nearest=["BTC_TRY"]
    ),
    422: _problem(
        422, "Bad parameter", "depth='0' cannot be used: a whole number from 1 to 1000", parameter="depth",
        accepts="a whole number from 1 to 1000",
    ),
    429: _problem(429, "Too many requests", "More than this address may ask; come back in 3 s"),
    503: _problem(503, "No data yet", "Nothing of btcturk has reached the bus yet"),
}  # fmt: skip
