"""`docker compose up` with a real engine: the same platform as containers that are allowed next to nothing."""

import json
import subprocess
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.house.processes import clean_environment, eventually, free_ports
from support.answered import answered
from support.required import skip_or_fail

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]  # the first builds every image

ROOT = Path(__file__).parents[2]
OURS = ["simulator", "ingest-btcturk", "ingest-bist", "gateway", "monitor"]
WITH_SESSIONS = ["simulator", "ingest-bist", "monitor"]
OBSERVERS = ["prometheus", "alertmanager"]
PORTS = [
    "SPARK_GATEWAY_PORT", "SPARK_SIMULATOR_PORT", "SPARK_MONITOR_PORT", "SPARK_BTCTURK_METRICS_PORT",
    "SPARK_BIST_METRICS_PORT", "SPARK_PROMETHEUS_PORT", "SPARK_ALERTMANAGER_PORT", "SPARK_GRAFANA_PORT",
]  # fmt: skip


def docker(*arguments: str, environ: dict[str, str] | None = None, check: bool = True) -> str:
    """Run docker and return what it printed."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=clean_environment() | (environ or {}),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout + ("" if check else done.stderr)


@dataclass(frozen=True)
class Platform:
    """A running Compose project with ports of its own."""

    project: str
    environ: dict[str, str]

    def compose(self, *arguments: str, check: bool = True) -> str:
        return docker("compose", "-p", self.project, *arguments, environ=self.environ, check=check)

    def container(self, service: str) -> str:
        return self.compose("ps", "-a", "-q", service).strip()

    def inspect(self, service: str) -> Any:
        [description] = json.loads(docker("inspect", self.container(service)))
        return description

    def healthy(self, service: str) -> bool:
        return bool(self.inspect(service)["State"].get("Health", {}).get("Status") == "healthy")

    def sh(self, service: str, script: str) -> str:
        """Run a shell line inside, and return all that it said."""
        return self.compose("exec", "-T", service, "sh", "-c", script, check=False)

    def get(self, path: str, port: str = "SPARK_GATEWAY_PORT") -> Any:
        """Return the gateway's JSON, or that of the service at another port, or None while it has none."""
        return answered(int(self.environ[port]), path)

    def ticker_received_at(self) -> int:
        """Return when the newest ticker came in, 0 when there is none."""
        ticker = self.get("/api/market/btcturk/ticker?symbol=BTC_TRY")
        return int(ticker["data"]["receivedAt"]) if ticker else 0


@pytest.fixture(scope="module")
def engine() -> None:
    """A Docker engine with Compose."""
    try:
        docker("info")
        docker("compose", "version")
    except (OSError, AssertionError):
        skip_or_fail("no Docker engine with Compose answers")


def to_be_had(platform: Platform) -> list[str]:
    """Return all services, but without Grafana where its image is not to be had: one that is not fails all of them."""
    services = json.loads(platform.compose("config", "--format", "json"))["services"]
    image = services["grafana"]["image"]
    try:
        docker("image", "inspect", image)
    except AssertionError:
        try:
            docker("pull", "-q", image)
        except AssertionError:
            del services["grafana"]
    return list(services)


@pytest.fixture(scope="module")
def platform(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The whole platform, built from this folder; its volumes and images go at the end. BIST is open day and night."""
    calendar = tmp_path_factory.mktemp("compose") / "calendar"
    calendar.write_text("* open 00:00-24:00\n")
    environ = {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    environ["SPARK_BIST_CALENDAR"] = str(calendar)
    running = Platform(f"spark-test-{uuid.uuid4().hex[:8]}", environ)
    try:
        running.compose("up", "--build", "-d", *to_be_had(running))
        eventually(lambda: running.ticker_received_at() > 0, "the gateway serves a ticker", 120)
        yield running
    finally:
        running.compose("down", "-v", "--rmi", "local", "--timeout", "10", check=False)


@pytest.mark.parametrize("path", ["btcturk/ticker?symbol=BTC_TRY", "bist/ticker?symbol=THYAO"])
def test_a_ticker_arrives_marked_mock(path: str, platform: Platform) -> None:
    """Simulator to ingest to Redis to gateway, each in a container."""
    eventually(lambda: platform.get(f"/api/market/{path}") is not None, "a ticker", 60)

    ticker = platform.get(f"/api/market/{path}")

    assert ticker["type"] == "ticker"
    assert ticker["data"]["mode"] == "mock"


@pytest.mark.parametrize("venue", ["btcturk", "bist"])
def test_the_monitor_says_mock(venue: str, platform: Platform) -> None:
    """Fresh, but simulated: never UP. BIST's market is open because the file with its hours is mounted."""

    def status() -> Any:
        return ((platform.get("/api/healthz") or {}).get("venues", {}).get(venue) or {}).get("status")

    eventually(lambda: status() == "MOCK", "healthz says MOCK", 60)


@pytest.mark.parametrize("service", [*OURS, "redis", *OBSERVERS])
def test_each_container_becomes_healthy(service: str, platform: Platform) -> None:
    """By its own check, which Kubernetes and Compose alike can act on."""
    eventually(lambda: platform.healthy(service), f"{service} is healthy", 60)


@pytest.mark.parametrize("service", [*OURS, "redis", *OBSERVERS])
def test_a_container_may_do_next_to_nothing(service: str, platform: Platform) -> None:
    """Not root, no capability, no new privileges, a root file system that it cannot write, and bounds on the rest."""
    host = platform.inspect(service)["HostConfig"]
    _, *uids = docker("top", platform.container(service), "-eo", "pid,uid").splitlines()

    assert uids
    assert all(line.split()[1] != "0" for line in uids)
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert "Read-only file system" in platform.sh(service, "touch /probe")


def test_the_audit_log_is_on_a_volume_that_the_gateway_can_write(platform: Platform) -> None:
    """It opens the file at its start; the warning would be in its log."""
    assert platform.sh("gateway", "test -w /var/log/spark/slo-alerts.log && echo there") == "there\n"
    assert "audit log cannot be written" not in platform.compose("logs", "gateway")


@pytest.mark.parametrize("service", OURS)
def test_an_image_holds_its_service_and_no_tools(service: str, platform: Platform) -> None:
    """Neither a compiler, nor pip in its environment, nor another service."""
    others = [f"spark_{name.replace('-', '_')}" for name in OURS if name != service]

    found = platform.sh(
        service,
        "python -c 'from importlib.util import find_spec as f;"
        f' print([n for n in {json.dumps(["pip", "hatchling", *others])} if f(n)], f("spark_market") is not None)\'',
    )

    assert found == "[] True\n"
    assert platform.sh(service, "command -v gcc cc make; ls /app/bin | grep pip") == ""


@pytest.mark.parametrize("service", OURS)
def test_only_who_needs_the_trading_calendar_carries_it(service: str, platform: Platform) -> None:
    """pandas and numpy weigh more than all the rest."""
    found = platform.sh(service, "python -c 'from importlib.util import find_spec as f; print(bool(f(\"pandas\")))'")

    assert found == f"{service in WITH_SESSIONS}\n"


def test_prometheus_scrapes_what_runs_and_has_the_rules(platform: Platform) -> None:
    """By the names of Compose, with nothing about to fire but what always does."""

    def asked(expression: str) -> list[Any]:
        path = f"/api/v1/query?query={urllib.parse.quote(expression)}"
        return ((platform.get(path, "SPARK_PROMETHEUS_PORT") or {}).get("data") or {}).get("result") or []

    services = json.loads(platform.compose("config", "--format", "json"))["services"]
    jobs = {name for name in services if name.startswith("ingest-")} | {"gateway", "monitor", *OBSERVERS}
    eventually(lambda: {one["metric"]["job"] for one in asked("up == 1")} >= jobs, "all are scraped", 60)
    eventually(lambda: bool(asked("venue:spark_not_fresh:ratio5m")), "the recording rules work", 60)

    assert {one["metric"]["alertname"] for one in asked('ALERTS{alertstate="firing"}')} == {"Watchdog"}


def test_alertmanager_has_the_alerts(platform: Platform) -> None:
    """Watchdog, which shows that Prometheus finds it."""

    def alerts() -> set[str]:
        return {one["labels"]["alertname"] for one in platform.get("/api/v2/alerts", "SPARK_ALERTMANAGER_PORT") or ()}

    eventually(lambda: "Watchdog" in alerts(), "Alertmanager has heard of Watchdog", 60)


def test_a_killed_ingest_is_restarted_and_tickers_flow_again(platform: Platform) -> None:
    """kill -9 from the host: a container cannot kill its own first process, and `docker kill` counts as a wish."""
    before = platform.inspect("ingest-btcturk")

    docker("run", "--rm", "--pid", "host", "--user", "0", "--entrypoint", "sh", "redis:8", "-c",
           f"kill -9 {before['State']['Pid']}")  # fmt: skip

    eventually(lambda: platform.inspect("ingest-btcturk")["RestartCount"] > before["RestartCount"], "a restart", 30)
    restarted_at = platform.ticker_received_at()
    eventually(lambda: platform.ticker_received_at() > restarted_at + 2000, "tickers flow again", 60)
    eventually(lambda: platform.healthy("ingest-btcturk"), "it is healthy again", 60)


def test_only_this_machine_is_served_on_the_documented_ports(engine: None) -> None:
    """By default, nothing is open to the network, and Redis not even to this machine."""
    services = json.loads(docker("compose", "config", "--format", "json"))["services"]
    published = {
        name: [(port["host_ip"], port["published"]) for port in service.get("ports", [])]
        for name, service in services.items()
    }

    assert published == {
        "redis": [],
        "simulator": [("127.0.0.1", "9200")],
        "ingest-btcturk": [("127.0.0.1", "9101")],
        "ingest-bist": [("127.0.0.1", "9102")],
        "gateway": [("127.0.0.1", "8080")],
        "monitor": [("127.0.0.1", "9100")],
        "prometheus": [("127.0.0.1", "9090")],
        "alertmanager": [("127.0.0.1", "9093")],
        "grafana": [("127.0.0.1", "3000")],
    }


def test_the_ingest_of_a_venue_that_is_not_wanted_is_idle_and_healthy(platform: Platform) -> None:
    """Compose starts it all the same; a container that ended would be restarted for ever."""
    only = Platform(platform.project, platform.environ | {"SPARK_VENUES": "btcturk"})

    only.compose("up", "-d", "--no-deps", "ingest-bist")

    eventually(lambda: only.healthy("ingest-bist"), "it is healthy", 60)
    assert only.inspect("ingest-bist")["RestartCount"] == 0


def test_observability_can_be_left_out(engine: None) -> None:
    """It is a profile, which the committed .env switches on."""
    services = json.loads(docker("compose", "config", "--format", "json", environ={"COMPOSE_PROFILES": ""}))["services"]

    assert not {"prometheus", "alertmanager", "grafana"} & set(services)


@pytest.mark.parametrize(
    ("environ", "ws_url", "bist_url"),
    [
        ({}, "ws://simulator:9200/btcturk/ws", "http://simulator:9200/bist/yahoo"),
        ({"SPARK_BIST_SOURCE": "simulator"}, "ws://simulator:9200/btcturk/ws", "http://simulator:9200/bist/yahoo"),
        ({"SPARK_REAL_DATA": "0"}, "ws://simulator:9200/btcturk/ws", "http://simulator:9200/bist/yahoo"),
        ({"SPARK_REAL_DATA": "1"}, "", ""),  # unset: the venue's own
        ({"SPARK_REAL_DATA": "1", "SPARK_BTCTURK_WS_URL": "wss://example.com/"}, "wss://example.com/", ""),
        ({"SPARK_BIST_SOURCE": "vendor"}, "ws://simulator:9200/btcturk/ws", ""),  # wherever its shape is, to be told
        ({"SPARK_BIST_URL": "http://example.com"}, "ws://simulator:9200/btcturk/ws", "http://example.com"),
    ],
)
def test_real_data_takes_one_variable(environ: dict[str, str], ws_url: str, bist_url: str, engine: None) -> None:
    """The simulator's address must not stay set when the venue's own is asked for."""
    services = json.loads(docker("compose", "config", "--format", "json", environ=environ))["services"]

    assert services["ingest-btcturk"]["environment"]["SPARK_BTCTURK_WS_URL"] == ws_url
    assert services["ingest-bist"]["environment"]["SPARK_BIST_URL"] == bist_url


def test_a_licensed_source_takes_one_file_and_one_secret(engine: None) -> None:
    """Both are mounted; neither the key nor where it lies on the host reaches the container's environment."""
    given = {
        "SPARK_REAL_DATA": "1", "SPARK_BIST_SOURCE": "vendor", "SPARK_BIST_VENDOR": "./vendor.yaml",
        "SPARK_BIST_SECRET_FILE": "./vendor.key",
    }  # fmt: skip

    config = json.loads(docker("compose", "config", "--format", "json", environ=given))
    ingest = config["services"]["ingest-bist"]

    assert ingest["environment"]["SPARK_BIST_SOURCE"] == "vendor"
    assert ingest["environment"]["SPARK_BIST_VENDOR"] == "/etc/spark/vendor.yaml"
    assert (str(ROOT / "vendor.yaml"), "/etc/spark/vendor.yaml") in mounts(ingest)
    assert [secret["target"] for secret in ingest["secrets"]] == [ingest["environment"]["SPARK_BIST_SECRET_FILE"]]
    assert config["secrets"]["bist"]["file"] == str(ROOT / "vendor.key")


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    return [(volume["source"], volume["target"]) for volume in service["volumes"]]


def test_the_exchanges_own_days_are_told_to_all_who_ask_for_them(engine: None) -> None:
    """Ingest, monitor and simulator must not differ on when the market is open."""
    given = {"SPARK_BIST_CALENDAR": "./calendar", "SPARK_BIST_CLOCK": "2026-04-27T10:30+03:00@2026-11-22T00:00Z"}

    services = json.loads(docker("compose", "config", "--format", "json", environ=given))["services"]

    for name in WITH_SESSIONS:
        assert (str(ROOT / "calendar"), "/etc/spark/calendar") in mounts(services[name])
        assert services[name]["environment"]["SPARK_BIST_CALENDAR"] == "/etc/spark/calendar"
        assert services[name]["environment"]["SPARK_BIST_CLOCK"] == given["SPARK_BIST_CLOCK"]
