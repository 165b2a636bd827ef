"""Answers of Yahoo's endpoints, by hand after the shapes that were seen; a test says only what matters to it."""

import json
from typing import Any

TIME_S = 1_777_273_500  # 2026-04-27 10:05 in Istanbul, a Monday
OPENED_S = 1_777_273_200


def meta(symbol: Any = "THYAO.IS", **changes: Any) -> dict[str, Any]:
    """Return all that a ``meta`` may hold; ``...`` leaves a key out."""
    full = {
        "currency": "TRY", "symbol": symbol, "exchangeName": "IST", "fullExchangeName": "Istanbul",
        "instrumentType": "EQUITY", "regularMarketTime": TIME_S, "gmtoffset": 10800, "timezone": "TRT",
        "exchangeTimezoneName": "Europe/Istanbul", "regularMarketPrice": 304.25, "regularMarketDayHigh": 306.0,
        "regularMarketDayLow": 301.5, "regularMarketVolume": 1234567, "previousClose": 300.5,
        "chartPreviousClose": 300.25, "longName": "Türk Hava Yolları A.O.", "shortName": "TURK HAVA YOLLARI",
        "priceHint": 2,
    }  # fmt: skip
    return {key: value for key, value in {**full, **changes}.items() if value is not ...}


def row(symbol: Any = "THYAO.IS", opens: Any = (303.0, None, 304.0), **changes: Any) -> dict[str, Any]:
    """Return a symbol's part, with bars of a minute."""
    times = [OPENED_S + 60 * number for number in range(len(opens))]
    return {"meta": meta(symbol, **changes), "timestamp": times, "indicators": {"quote": [{"open": list(opens)}]}}


def spark(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of v7 spark."""
    result = [{"symbol": each["meta"].get("symbol"), "response": [each]} for each in rows]
    return {"spark": {"result": result, "error": None}}


def chart(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of v8 chart."""
    return {"chart": {"result": list(rows), "error": None}}


def keyed(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of v8 spark."""
    return {each["meta"]["symbol"]: each for each in rows}


def error(code: Any, envelope: str = "chart") -> dict[str, Any]:
    """Return an answer that has nothing but an error."""
    return {envelope: {"result": None, "error": {"code": code, "description": "No data found"}}}


def encoded(answer: Any) -> bytes:
    """Return an answer as it comes; half a character can come escaped only."""
    try:
        return json.dumps(answer, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(answer).encode()
