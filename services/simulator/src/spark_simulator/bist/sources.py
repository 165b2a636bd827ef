"""The sources that tell of the market, by the names that they have in paths and orders."""

from typing import Final, Literal, TypeAlias, get_args

Source: TypeAlias = Literal["yahoo", "ideal", "collectapi", "laplace", "algolab", "bigpara", "oneendeks"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)
KEY: Final = "simulated-key"
"""What the licensed ones want to be told."""
YAHOO_DELAY_MS: Final = 15 * 60_000
"""How far behind the market Yahoo is; the others are not, unless they are told to be."""
