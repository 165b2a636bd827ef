"""Draws what `bench.growth` measured. Runs in the peers' environment. Arguments: the figures, the drawing.

The same figures give the same bytes. Grey on nothing can be read on a light page and on a dark one.
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

_GREY = "#808080"
_COLOURS = ["#2f81c7", "#e0721b", "#3fa34d"]
_STYLE = {
    "svg.hashsalt": "spark", "svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans"], "font.size": 10,
    "text.color": _GREY, "axes.labelcolor": _GREY, "axes.edgecolor": _GREY, "xtick.color": _GREY, "ytick.color": _GREY,
    "axes.grid": True, "grid.color": _GREY, "grid.alpha": 0.25, "axes.spines.top": False, "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=_COLOURS), "legend.frameon": False,
}  # fmt: skip


def main(figures: Path, drawing: Path) -> None:
    sweeps = json.loads(figures.read_text())
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(len(sweeps), 1, figsize=(7, 3.2 * len(sweeps)), layout="constrained")
        for panel, (sweep, lines) in zip(panels, sweeps.items(), strict=True):
            for line, points in lines.items():
                panel.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=line)
            panel.set_xlabel(sweep)
            panel.set_ylabel("processor cores used")
            panel.set_ylim(0.003, 1.2)
            panel.xaxis.set_major_formatter("{x:,.0f}")
            panel.yaxis.set_major_formatter("{x:g}")
            panel.minorticks_off()
            panel.legend()
        figure.savefig(drawing, transparent=True, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
