"""Who may import whom: walked, so that the picture in the documentation stays true."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBS = {"spark_market", "spark_bus", "spark_service", "spark_ingest"}
IO = {"asyncio", "redis", "websockets", "httpx", "aiohttp", "socket", "threading", "requests", "uvloop"}
PURE = {"asyncio", "websockets", "redis", "httpx", "time", "datetime", "socket"}
MAY: dict[str, set[str]] = {
    "spark_market": set(),
    "spark_bus": {"spark_market"},
    "spark_service": set(),
    "spark_ingest": {"spark_market", "spark_bus", "spark_service"},
}


def packages() -> list[Path]:
    found = sorted(ROOT.glob("libs/*/src/*")) + sorted(ROOT.glob("services/*/src/*"))
    return [package for package in found if (package / "__init__.py").is_file()]


def imports(file: Path) -> set[str]:
    """Return the top names of all that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module)
    return {name.partition(".")[0] for name in names}


def violations(package: Path, ours: Iterable[str]) -> list[str]:
    """Return each import of ours that ``package`` may not have."""
    allowed = MAY.get(package.name, LIBS) | {package.name}
    return [
        f"{file.relative_to(package.parent)} imports {name}"
        for file in sorted(package.rglob("*.py"))
        for name in sorted(imports(file) & set(ours) - allowed)
    ]


def forbidden(files: Iterable[Path], names: set[str]) -> list[str]:
    return [f"{file.name} imports {name}" for file in files for name in sorted(imports(file) & names)]


def test_every_package_is_walked() -> None:
    """A rule over nothing would always hold."""
    names = {package.name for package in packages()}
    assert names >= LIBS | {"spark_ingest_btcturk", "spark_gateway", "spark_monitor", "spark_simulator"}


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.name)
def test_services_import_libs_and_libs_import_downwards(package: Path) -> None:
    """Services meet on the bus only; a lib knows no service."""
    assert violations(package, {each.name for each in packages()}) == []


def askings(files: Iterable[Path]) -> list[str]:
    """Return where the time is asked for: a date or a time may be a value, but never the present one."""
    return [
        f"{file.name}:{node.lineno} asks for {node.attr}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "today", "utcnow"}
    ]


def test_the_market_is_pure() -> None:
    """No I/O and no clock: it can be tested with values alone."""
    package = next(each for each in packages() if each.name == "spark_market")
    assert forbidden(package.rglob("*.py"), IO | {"time"}) == []
    assert askings(package.rglob("*.py")) == []


def test_asking_for_the_time_is_found(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("from datetime import date\n\ndate(2026, 1, 1)\nd = date.today\n", encoding="utf-8")

    assert askings(tmp_path.glob("*.py")) == ["x.py:4 asks for today"]


def test_the_venues_protocol_knows_no_socket_and_no_clock() -> None:
    package = next(each for each in packages() if each.name == "spark_ingest_btcturk")
    pure = (
        "protocol", "frames", "figures", "tickers", "trades", "books", "rest", "received", "tape", "bookkeeping",
        "crosscheck", "continuity", "directory", "shares", "subscriptions",
    )  # fmt: skip
    assert forbidden([package / f"{name}.py" for name in pure], PURE) == []


def test_yahoos_protocol_knows_no_socket_and_no_clock() -> None:
    package = next(each for each in packages() if each.name == "spark_ingest_bist")
    pure = ("yahoo", "yahoo_envelope", "yahoo_row", "streamer", "pricing_data", "grid", "symbols", "quotes", "sources")
    assert forbidden([package / f"{name}.py" for name in pure], PURE) == []


def test_a_vendors_protocol_knows_no_socket_and_no_clock() -> None:
    package = next(each for each in packages() if each.name == "spark_ingest_bist")
    pure = (
        "vendor", "vendorpush", "vendorprotocol", "vendorcall", "vendorrows", "plausibility", "refusals",
        "spelling", "templates", "secretvalues", "figures", "jsontext",
    )  # fmt: skip
    assert forbidden([package / f"{name}.py" for name in pure], PURE) == []
    assert forbidden([package / "moments.py"], PURE - {"datetime"}) == []
    assert askings([package / "moments.py"]) == []


def test_when_to_ask_and_what_rows_mean_is_decided_without_a_clock() -> None:
    """So that a year of it can be tested in a moment."""
    package = next(each for each in packages() if each.name == "spark_ingest_bist")
    pure = ("schedule", "pace", "doubts", "roster", "holes", "rows", "directory")
    assert forbidden([package / f"{name}.py" for name in pure], PURE) == []


def test_the_sessions_read_no_frames() -> None:
    known = {"msgspec", "json", "redis", "spark_bus"}
    for package, name in (
        ("spark_ingest_btcturk", "session"),
        ("spark_ingest_bist", "push"),
        ("spark_ingest_bist", "poller"),
    ):
        folder = next(each for each in packages() if each.name == package)
        assert forbidden([folder / f"{name}.py"], known) == []


@pytest.mark.parametrize(
    "text",
    [
        "import spark_monitor", "from spark_monitor.judge import x", "import spark_monitor.judge as j",
        "def f():\n    from spark_monitor import y", "try:\n    import spark_monitor\nexcept ImportError:\n    pass",
    ],
)  # fmt: skip
def test_the_walker_finds_a_planted_violation(tmp_path: Path, text: str) -> None:
    package = tmp_path / "spark_gateway"
    package.mkdir()
    (package / "__init__.py").write_text("import spark_bus\n", encoding="utf-8")
    (package / "deep").mkdir()
    (package / "deep" / "x.py").write_text(text, encoding="utf-8")

    assert violations(package, {"spark_gateway", "spark_monitor", "spark_bus"}) == [
        "spark_gateway/deep/x.py imports spark_monitor"
    ]
    assert forbidden(package.rglob("*.py"), {"spark_monitor"}) == ["x.py imports spark_monitor"]
