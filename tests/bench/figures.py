"""What is made of the measurements: percentiles, tables, and an aim beside its figure."""

from collections.abc import Mapping, Sequence
from statistics import median

Row = Mapping[str, float]
Rounds = dict[str, list[dict[str, float]]]
"""The rows of each variant, by its name, one a round."""


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that ``part`` (0 to 1) of ``values`` do not exceed."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def medians(rounds: Sequence[Row]) -> dict[str, float]:
    """Return each figure's median over the rounds."""
    return {name: median(row[name] for row in rounds) for name in rounds[0]}


def table(title: str, columns: Mapping[str, str], rows: Mapping[str, Row]) -> None:
    """Print ``rows`` by name; ``columns`` maps headings to formats, such as ``{"p50 ms": ".2f"}``."""
    print(f"\n{title}")
    cells = [["", *columns]]
    cells += [[name, *(format(row[column], how) for column, how in columns.items())] for name, row in rows.items()]
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    for first, *others in cells:
        numbers = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *numbers]).rstrip())


def aim(what: str, figure: float, unit: str, met: bool, wanted: str) -> None:
    """Print whether an aim was met."""
    print(f"aim: {what} {wanted}: measured {figure:,.2f}{unit}, {'met' if met else 'MISSED'}")


def spread(rounds: Sequence[Row], name: str) -> str:
    """Return a figure's value in each round."""
    return ", ".join(f"{row[name]:.2f}" for row in rounds)


def ratio(ours: Sequence[Row], others: Sequence[Row], name: str) -> float:
    """Return the median, over the rounds, of our figure to the other of the same round."""
    return median(own[name] / other[name] for own, other in zip(ours, others, strict=True))


def wrong(part: str, rounds: Mapping[str, Sequence[Row]], whose: str = "") -> list[str]:
    """Return what was lost or repeated by those whose name begins with ``whose``."""
    return [
        f"{part}: {name}: {what} {row[what]:,.0f}"
        for name, rows in rounds.items()
        if name.startswith(whose)
        for row in rows
        for what in ("missing", "repeated", "hung up")
        if row[what]
    ]
