"""Orders of the control API and of scenarios are carried out here, at once."""

from collections.abc import Callable
from decimal import Decimal

from spark_simulator import commands, extras, malformed, shots
from spark_simulator.commands import BadCommand, Command
from spark_simulator.connection import Connection
from spark_simulator.faults import Faults
from spark_simulator.feed import OBDIFF, Feed
from spark_simulator.frames import Frame
from spark_simulator.live import Live
from spark_simulator.market import TRADING, Market, PairMarket
from spark_simulator.pairs import Pair, catalogue, made
from spark_simulator.row import Board
from spark_simulator.shots import Shot
from spark_simulator.withholding import ANY, Fading, Withholding

_FOR_GOOD_S = 1e9  # what has faded stays so until it is cleared


class Orders:
    """Who can be ordered: everybody's connections, the faults, and, without a recording, the market."""

    def __init__(
        self, board: Board, feed: Feed, faults: Faults, live: tuple[Market, Live] | None, *, tls: bool = False
    ) -> None:
        self._board = board
        self._feed = feed
        self._faults = faults
        self._live = live
        self._tls = tls

    def obey(self, command: Command) -> None:
        """Do it. Raises BadCommand when it cannot be done here, and then does nothing."""
        match command:
            case commands.Cut():
                self._each(Connection.cut)
            case commands.Close():
                self._each(lambda connection: connection.close(command.code, command.reason))
            case commands.Freeze():
                self._each(lambda connection: connection.freeze(command.seconds))
            case commands.Refuse():
                self._faults.refusal.begin(command)
            case commands.SlowUpgrade():
                self._faults.slow_upgrade.begin(command)
            case commands.SlowTls():
                if not self._tls:
                    raise BadCommand("there is no TLS port: set SPARK_SIMULATOR_TLS_PORT")
                self._faults.slow_tls.begin(command)
            case commands.RefuseRest():
                self._faults.rest.begin(command)
            case commands.ShiftClock():
                self._faults.clock_ms = command.ms
            case commands.Silence():
                self._faults.withhold(Withholding(fault="silence", seconds=command.seconds))
            case commands.Malformed() | commands.Oversized() | commands.Spurious():
                self._send_besides(command)
            case _:
                self._of_the_market(command)

    def _each(self, do: Callable[[Connection], None]) -> None:
        for connection in self._feed.connections:
            do(connection)

    def _send_besides(self, command: commands.Malformed | commands.Oversized | commands.Spurious) -> None:
        symbol = self._board.pairs[0].symbol
        row = self._board.row(symbol)
        sent: list[Frame]
        match command:
            case commands.Malformed():
                sent = malformed.some(command.count, symbol, row)
            case commands.Oversized():
                sent = [extras.oversized(command.bytes, symbol, row)]
            case commands.Spurious():
                sent = extras.spurious(command.types, symbol)
        for connection in self._feed.connections:
            for frame in sent:
                connection.send(frame)

    def _of_the_market(self, command: Command) -> None:
        if self._live is None:
            raise BadCommand("a recording is played: this fault needs the market")
        market, live = self._live
        match command:
            case commands.Mute() | commands.Stall() | commands.Fade():
                self._faults.withhold(withheld(command, market, self._feed))
            case commands.NoSnapshot():
                known(market, command.pair)
                self._faults.no_snapshot.begin(command)
            case commands.RestartIds():
                for symbol in known(market, command.pair) or [pair.symbol for pair in market.pairs]:
                    market[symbol].tape.restart_ids(lower=command.to == "lower")
            case commands.Trade():
                known(market, command.pair)
                if not market[command.pair].trades:
                    raise BadCommand(f"{command.pair} is halted")
                for _ in range(command.count):
                    live.trade(command.pair)
                    market[command.pair].refill()
            case commands.List():
                market.list(*newcomer(market, command))
            case commands.Delist():
                known(market, command.pair)
                if len(market.pairs) == 1:
                    raise BadCommand("the last pair cannot be delisted")
                market.delist(command.pair)
                live.delist(command.pair)
            case commands.Halt() | commands.Resume():
                known(market, command.pair)
                market[command.pair].status = command.status if isinstance(command, commands.Halt) else TRADING
            case commands.Anomaly() | commands.Cross():
                known(market, command.pair)
                self._faults.shoot((OBDIFF, command.pair), aimed_at_book(command, market[command.pair]))
            case commands.Drop() | commands.Duplicate() | commands.Reorder() | commands.Half() | commands.BadNumber():
                known(market, command.pair)
                self._faults.shoot((command.channel, command.pair), aimed(command))


def known(market: Market, *symbols: str | None) -> list[str]:
    """Return the pairs that are named. Raises BadCommand for one that is not listed."""
    named = [symbol for symbol in symbols if symbol is not None]
    for symbol in named:
        if symbol not in market:
            raise BadCommand(f"{symbol} is not listed")
    return named


def withheld(command: commands.Mute | commands.Stall | commands.Fade, market: Market, feed: Feed) -> Withholding:
    """Return what is to be kept back. Raises BadCommand for an unknown pair."""
    everybody_now = range(feed.last_connection + 1)
    match command:
        case commands.Mute():
            return Withholding(
                fault="mute",
                seconds=command.seconds,
                channel=command.channel,
                pairs=frozenset(known(market, command.pair)),
                connections=ANY if command.scope == "venue" else everybody_now,
                last_join=feed.last_join if command.scope == "subscription" else None,
                book=command.book,
            )
        case commands.Stall():
            first = feed.last_connection + 1
            return Withholding(
                fault="stall",
                seconds=command.seconds,
                channel=command.channel,
                pairs=frozenset(known(market, *command.pairs)),
                connections=range(first, first + command.connections if command.connections else ANY.stop),
            )
        case commands.Fade():
            return Fading(
                fault="fade",
                seconds=_FOR_GOOD_S,
                connections=everybody_now,
                order=[pair.symbol for pair in market.pairs],
                fade_s=command.seconds,
            )


def aimed(
    command: commands.Drop | commands.Duplicate | commands.Reorder | commands.Half | commands.BadNumber,
) -> Shot:
    """Return what the next frames of a channel will meet."""
    match command:
        case commands.Drop():
            return shots.Dropped(command.count)
        case commands.Duplicate():
            return shots.Duplicated(command.count)
        case commands.Reorder():
            return shots.Reordered(command.count)
        case commands.Half():
            return shots.Halved(command.count)
        case commands.BadNumber():
            return shots.Misnumbered(command.count, command.number)


def aimed_at_book(command: commands.Anomaly | commands.Cross, market: PairMarket) -> Shot:
    """Return what the next 432 of a pair will meet."""
    if isinstance(command, commands.Cross):
        return shots.Crossed(market, command.seconds)
    if command.kind == "delete_absent":
        return shots.DeletedTwice(command.count, market)
    return shots.miscoded(command.count, command.kind)


def newcomer(market: Market, command: commands.List) -> tuple[Pair, int]:
    """Return the pair to list and its rank by activity. Raises BadCommand."""
    symbol = command.base + command.quote
    if symbol in market:
        raise BadCommand(f"{symbol} is listed already")
    known_pairs = catalogue()
    for rank, pair in enumerate(known_pairs):
        if pair.symbol == symbol:
            return pair, rank
    if command.price is None:
        raise BadCommand(f"{symbol} is not in the catalogue: give a price")
    taken = {pair.id for pair in [*known_pairs, *market.pairs]}
    return made(command.base, command.quote, Decimal(command.price), max(taken) + 1), len(known_pairs)
