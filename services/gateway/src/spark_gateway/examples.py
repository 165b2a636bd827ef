"""What the API's description shows: one message of each kind of market data, and the beginning of a stream."""

TICKER = {
    "type": "ticker",
    "data": {
        "venue": "btcturk", "symbol": "BTC_TRY", "mode": "real", "price": 4643580, "bid": 4643000, "ask": 4643580,
        "bidSize": 0.1, "askSize": 0.2, "open": 4640000, "previousClose": None, "high": 4700000, "low": 4600000,
        "volume": 123.45, "vwap": 4650000, "change": 3580, "changePct": 0.08, "venueTime": None,
        "receivedAt": 1766400000123,
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
CURSOR = "btcturk.0f6c2b9d41aa.1766400000123-0"
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
