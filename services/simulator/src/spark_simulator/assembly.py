"""The parts of one simulator, put together: which of them know which."""

from dataclasses import dataclass

from aiohttp import web

from spark_service.clock import Clock
from spark_simulator import scenario
from spark_simulator.bist.assembly import Bist
from spark_simulator.control import Control
from spark_simulator.conversation import Conversations, Source
from spark_simulator.delivery import Delivery
from spark_simulator.faults import Faults
from spark_simulator.feed import Feed
from spark_simulator.ledger import Ledger
from spark_simulator.ledger_file import LedgerFile
from spark_simulator.live import Live
from spark_simulator.market import Market
from spark_simulator.orders import Orders
from spark_simulator.pairs import catalogue
from spark_simulator.recording import Recording
from spark_simulator.replay import Replay
from spark_simulator.rest import Rest
from spark_simulator.rest_faults import RestFaults
from spark_simulator.row import Board
from spark_simulator.scenario import Scenarios
from spark_simulator.settings import Settings
from spark_simulator.sides import SideCode
from spark_simulator.traffic import Traffic
from spark_simulator.truth import Truth


@dataclass(frozen=True)
class Parts:
    """What the server needs to hold, of all that there is."""

    app: web.Application
    board: Board
    source: Source
    feed: Feed
    faults: Faults
    scenarios: Scenarios
    ledger: Ledger
    bist: Bist


def assembled(settings: Settings, ping_period_s: float, clock: Clock | None = None) -> Parts:
    """Return the parts of a simulator. Raises CannotStart for a file that cannot be used."""
    feed, faults, truth, traffic = Feed(), Faults(), Truth(), Traffic()
    code = SideCode(settings.side_of_zero == "buy")
    steps = scenario.load(settings.scenario) if settings.scenario is not None else []
    board, source, live = _venue(settings, feed, faults, truth, code)
    ledger = Ledger(_ledger_file(settings))
    orders = Orders(board, feed, faults, live, tls=settings.tls_port is not None)
    scenarios = Scenarios(orders, steps)
    conversations = Conversations(feed, source, faults, ledger, traffic, ping_period_s)
    app = web.Application(middlewares=[traffic.counted, RestFaults(faults).applied])
    app.add_routes([web.get("/btcturk/ws{below:(/.*)?}", conversations.handle), web.get("/livez", _alive)])
    app.add_routes(Rest(board, faults, code).routes())
    app.add_routes(Control(board, feed, faults, orders, ledger, truth, traffic, scenarios).routes())
    exchange = Bist(settings.seed, settings.bist_clock if clock is None else clock, settings.bist_calendar)
    app.add_routes(exchange.routes())
    app.add_routes([web.route("*", "/{unknown:.*}", _not_found)])
    return Parts(app, board, source, feed, faults, scenarios, ledger, exchange)


def _venue(
    settings: Settings, feed: Feed, faults: Faults, truth: Truth, code: SideCode
) -> tuple[Board, Source, tuple[Market, Live] | None]:
    if settings.replay is not None:
        recorded = Recording(settings.replay)
        return recorded, Replay(recorded, feed, faults, settings.interval_ms, settings.replay_speed), None
    market = Market(
        catalogue()[: settings.pairs],
        settings.seed,
        settings.change_probability,
        trades_per_minute=settings.trades_per_minute,
        interval_s=settings.interval_ms / 1000,
    )
    live = Live(
        market,
        Delivery(faults),
        faults,
        truth,
        code,
        interval_ms=settings.interval_ms,
        snapshot_delay_ms=settings.snapshot_delay_ms,
    )
    return market, live, (market, live)


def _ledger_file(settings: Settings) -> LedgerFile | None:
    if settings.ledger_file is None:
        return None
    return LedgerFile(settings.ledger_file, [int(type) for type in settings.ledger_types])


async def _alive(request: web.Request) -> web.Response:
    return web.Response(text="alive\n")


async def _not_found(request: web.Request) -> web.Response:
    return web.Response(status=404)
