"""The short cut answers as the ordinary route does: asked the same, word for word."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import VENUE

from .application import an_application

PATH = f"/api/market/{VENUE}/ticker"
TAG = '"e0.2000-5"'

symbols = st.sampled_from(["BTC_TRY", "ETH_TRY", "GONE_TRY", "XXX_TRY", "btc_try", "", "*", "BTC_TRY,ETH_TRY"])
values = symbols | st.text(alphabet="BTC_TRYeth%20+,&=;#*<>\x00\x7fÄş\u2028", max_size=12)
queries = st.builds(
    lambda name, value, rest: f"{name}={value}{rest}",
    st.sampled_from(["symbol", "Symbol", "symbol ", "%73ymbol", "x", ""]),
    values,
    st.sampled_from(["", "&", "&symbol=BTC_TRY", "&x=1", "%", "%00", ";x", "=", "#x"]),
)
paths = st.sampled_from([PATH, PATH + "/", PATH.upper(), f"/api/market/{VENUE}%2Fticker", "/api/market/none/ticker"])
methods = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "DELETE"])
headers = st.dictionaries(
    st.sampled_from(["if-none-match", "origin", "accept-encoding", "cookie", "range"]),
    st.sampled_from([TAG, f"W/{TAG}", "*", '"x"', "https://example.org", "gzip", "bytes=0-5"]),
    max_size=3,
)


class Asked:
    """What a server would hand over, and what it is given for it."""

    def __init__(self, method: str, path: bytes, query: bytes, headers: dict[str, str]) -> None:
        self.scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "root_path": "",
            "path": httpx.URL("http://x" + path.decode()).path, "raw_path": path, "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9),
        }  # fmt: skip
        self.sent: list[dict[str, Any]] = []

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def of(self, application: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        asyncio.run(application(dict(self.scope), self._receive, self._send))
        start, *rest = self.sent
        self.sent = []
        return start["status"], sorted(start["headers"]), b"".join(part.get("body", b"") for part in rest)


SHORT, ORDINARY = an_application(), an_application(with_shortcut=False)


@given(methods, paths, queries | st.sampled_from(["symbol=BTC_TRY"]), headers)
@settings(max_examples=400, deadline=None)
def test_both_ways_answer_the_same(method: str, path: str, query: str, headers: dict[str, str]) -> None:
    asked = Asked(method, path.encode(), query.encode(), headers)

    assert asked.of(SHORT) == asked.of(ORDINARY)


@pytest.mark.parametrize("headers", [{}, {"origin": "https://example.org"}])
def test_a_plain_question_never_reaches_the_framework(headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With a page of another origin too, though that goes through what tells browsers who may read it."""
    application = an_application()
    asked = Asked("GET", PATH.encode(), b"symbol=BTC_TRY", headers)
    before = asked.of(application)

    def fail(*_: Any) -> None:
        raise AssertionError("the framework was asked")

    monkeypatch.setattr("fastapi.FastAPI.__call__", fail)

    assert asked.of(application) == before
    status, found, body = before
    assert status == 200
    assert (b"etag", TAG.encode()) in found
    assert (b"vary", b"Origin") in found
    assert ((b"access-control-allow-origin", b"*") in found) is ("origin" in headers)
    assert b'"price":7' in body


@pytest.mark.parametrize("tag", [TAG, f"W/{TAG}", f'"x", {TAG}', "*"])
def test_one_who_holds_it_gets_no_body(tag: str) -> None:
    status, found, body = Asked("GET", PATH.encode(), b"symbol=BTC_TRY", {"if-none-match": tag}).of(SHORT)

    assert (status, body) == (304, b"")
    assert {name for name, _ in found} == {b"etag", b"cache-control", b"vary"}


def test_a_ticker_of_what_is_carried_no_more_is_not_answered() -> None:
    status, _, body = Asked("GET", PATH.encode(), b"symbol=GONE_TRY", {}).of(SHORT)

    assert (status, b"Unknown symbol" in body) == (404, True)
