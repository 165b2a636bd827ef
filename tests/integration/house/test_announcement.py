"""What `make up` says, and when: all venues at once, or after a while those that have something to show."""

import importlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
TRY_CRYPTO = "/api/market/btcturk/ticker?symbol=BTC_TRY'"
TRY_SHARES = "/api/market/bist/ticker?symbol=THYAO'"


class Gateway:
    """A gateway that says what a test wants said; ``symbols`` are those that it has a ticker of."""

    def __init__(self) -> None:
        self.ready = True
        self.statuses = {"btcturk": "MOCK", "bist": "MOCK"}
        self.symbols = {"btcturk": ["ADA_TRY", "BTC_TRY"], "bist": ["AKBNK", "THYAO"]}
        self.carried = {venue: list(symbols) for venue, symbols in self.symbols.items()}
        self.needs_key = False

    def answer(self, path: str) -> tuple[int, Any]:
        if path == "/readyz":
            return (200 if self.ready else 503), ""
        if path == "/api/healthz":
            return 200, {
                "venues": {name: {"status": status, "reason": "because"} for name, status in self.statuses.items()}
            }
        venue = path.split("/")[3]
        if self.needs_key:
            return 401, {}
        if path.endswith("/symbols"):
            return 200, {"instruments": [{"symbol": symbol} for symbol in self.carried[venue]]}
        symbols = self.symbols[venue]
        return 200, {"messages": [{"type": "ticker", "data": {"symbol": symbol}} for symbol in symbols]}


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def page(gateway: Gateway) -> Iterator[str]:
    """Where it is."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, said = gateway.answer(self.path)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def announcement(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, with no pause between two looks at a late venue."""
    monkeypatch.syspath_prepend(SCRIPTS)
    module = importlib.import_module("announcement")
    monkeypatch.setattr(module, "LATE_LOOK_S", 0)
    return module


class Saying(Protocol):
    """An announcement."""

    complete: bool

    def go_on(self) -> None:
        """Look, and say."""


def begun(announcement: ModuleType, page: str, state: Path, *, mock: bool = True) -> Saying:
    plan = importlib.import_module("preflight").Plan({}, None, 0, (), page, mock)
    made: Saying = announcement.Announcement(plan, importlib.import_module("folder").Folder(state))
    return made


def test_nothing_is_said_before_all_venues_have_data(
    gateway: Gateway, page: str, announcement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever copies the example gets a price."""
    saying = begun(announcement, page, tmp_path)
    gateway.ready = False
    saying.go_on()
    gateway.ready, gateway.statuses["bist"] = True, "DOWN"
    saying.go_on()
    gateway.statuses["bist"], shares = "MOCK", gateway.symbols["bist"]
    gateway.symbols["bist"] = []
    saying.go_on()
    assert capsys.readouterr().out == ""

    gateway.symbols["bist"] = shares
    saying.go_on()

    said = capsys.readouterr().out
    assert saying.complete
    assert f"\n  {page}\n" in said
    assert f"  curl '{page}{TRY_CRYPTO}\n" in said
    assert f"  curl '{page}{TRY_SHARES}\n" in said


def test_after_a_while_one_venue_does_not_keep_the_other_back(
    gateway: Gateway, page: str, announcement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A source may be away for days: what there is is told, with the reason for the rest, and that when it comes."""
    monkeypatch.setattr(announcement, "PATIENCE_S", 0)
    saying = begun(announcement, page, tmp_path, mock=False)
    gateway.statuses["bist"] = "DOWN"
    saying.go_on()
    said = capsys.readouterr().out
    assert TRY_CRYPTO in said
    assert TRY_SHARES not in said
    assert "bist has no data yet (DOWN: because); see " in said
    assert not saying.complete

    saying.go_on()
    assert capsys.readouterr().out == ""
    gateway.statuses["bist"] = "UP"
    saying.go_on()

    assert f"bist has data now\n\n  curl '{page}{TRY_SHARES}" in capsys.readouterr().out
    assert saying.complete


def test_without_any_data_it_complains_once(
    gateway: Gateway, page: str, announcement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(announcement, "PATIENCE_S", 0)
    gateway.ready = False
    saying = begun(announcement, page, tmp_path)

    saying.go_on()
    saying.go_on()

    assert capsys.readouterr().out.count("no fresh data") == 1


def test_the_example_is_one_that_most_people_know_or_else_the_first(
    gateway: Gateway, page: str, announcement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A source that is asked tells its symbols in lots: the one that is known may come with the next."""
    gateway.symbols["bist"] = ["AKBNK"]
    saying = begun(announcement, page, tmp_path)
    saying.go_on()
    assert capsys.readouterr().out == ""

    gateway.carried["bist"] = ["AKBNK", "GARAN"]
    saying.go_on()

    assert f"curl '{page}/api/market/bist/ticker?symbol=AKBNK'" in capsys.readouterr().out


def test_a_closed_market_is_said_to_be_with_a_way_to_see_it_trade(
    gateway: Gateway, page: str, announcement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At night nothing moves, which a newcomer would take for broken."""
    gateway.statuses["bist"] = "CLOSED"
    begun(announcement, page, tmp_path).go_on()
    simulated = capsys.readouterr().out
    begun(announcement, page, tmp_path, mock=False).go_on()
    real = capsys.readouterr().out

    assert "bist is because; to see a day of trading: SPARK_BIST_CLOCK=" in simulated
    assert "bist is because\n" in real


def test_where_a_key_is_needed_the_example_is_one_that_most_people_know(
    gateway: Gateway, page: str, announcement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.needs_key = True
    begun(announcement, page, tmp_path).go_on()

    assert TRY_SHARES in capsys.readouterr().out
