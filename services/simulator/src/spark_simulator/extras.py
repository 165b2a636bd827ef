"""Frames besides the real ones that a client has to bear: too large, not for it, or of a type nobody knows."""

from collections.abc import Iterable
from typing import Final

from spark_simulator import frames
from spark_simulator.frames import Frame
from spark_simulator.row import Row

OVERSIZED: Final = "oversized"
SPURIOUS: Final = "spurious"


def oversized(size: int, symbol: str, row: Row) -> Frame:
    """Return a ticker of one pair, of ``size`` bytes at least, most of them under a key that nobody knows."""
    text = frames.ticker(symbol, row | {"X": f'"{"x" * size}"'}).text
    return Frame(OVERSIZED, symbol, text, fault=OVERSIZED)


def spurious(types: Iterable[int], symbol: str) -> list[Frame]:
    """Return frames of these types: private ones, as were seen on sockets that had not logged in, and unknown ones."""
    return [Frame(kind, None, f"[{kind},{_BODIES[kind].replace('PAIR', symbol)}]", fault=SPURIOUS) for kind in types]


_BODIES = {
    451: (
        '{"type":451,"pairId":0,"symbol":"PAIR","id":0,"method":0,"userId":0,"orderType":0,"price":"0","amount":"0",'
        '"numLeft":"0.00","denomLeft":"0","newOrderClientId":null}'
    ),
    # Of all objects on the feed the only one that does not repeat its type.
    423: (
        '{"id":1149163839863900657,"orderId":25327923517,"timestamp":1729396570700,"numeratorSymbol":"APE",'
        '"denominatorSymbol":"USDT","amount":"-205.24","fee":"-0.10467240","tax":"-0.02093448","price":"1.020",'
        '"orderType":"sell","orderClientId":"xxxxxx","preciseAmount":-205.24}'
    ),
    428: (
        '{"D":1729396560,"P":"PAIR","R":"60","O":"1","H":"2","L":"1","C":"2","V":"3","channel":"tradeview",'
        '"event":"PAIR_60","type":428}'
    ),
    999: '{"type":999,"message":"a type that may come one day"}',
}
