"""Values that a frame should not have where it has others, and where that may be."""

from collections.abc import Iterator
from typing import Any, Final

VALUES: Final[list[Any]] = [
    None, True, False, 0, 1, 3, -1, 1.5, 10**30, 2**63, 1787692476996, 1787692476996.5, [], {}, [[]], "", " ", "\x00",
    "NaN", "sNaN", "Infinity", "-Infinity", "-1", "-0", "1e999999999", "1e-999999999", "1e-7", "1E+14", "1_000", "١٢",
    " 1", "1 ", "1,5", ".5", "5.", "null", "\ud800", "9" * 400, "0." + "0" * 400 + "1", "999999999999999",
    "1000000000000000", "0.000000000000000001", "0.0000000000000000001", "1.50", "BTCTRY", "ETHTRY", "BTC", "all",
    "ticker", "trade", "obdiff", "orderbook", "1787692476996", "100163842129199947",
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place within parsed JSON, as what holds it and its key there."""
    keys: Any = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])
