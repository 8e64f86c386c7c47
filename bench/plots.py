"""Cactus and scatter plots as SVG text, to stand inside one HTML page."""

from __future__ import annotations

import io

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from bench.grid import Grid
from bench.stats import Bools

LABELS = {"SATISFIABLE": "SAT", "UNSATISFIABLE": "UNSAT"}
FLOOR_S = 0.01  # both axes are logarithmic and start here


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "neurosolve"}):  # equal data, equal bytes
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _logarithmic(axis: Axis) -> None:
    """Ticks at the decades alone, in plain figures: small ticks and their labels were most of what a page cost."""
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)


def cactus(grid: Grid, mask: Bools, title: str) -> str:
    """Seconds against the number of instances solved within them, one curve an arm."""
    figure, axes = plt.subplots(figsize=(6.4, 4.2))
    for index, arm in enumerate(grid.arms):
        if arm in grid.counts_only:
            continue
        times = np.sort(grid.times[index, mask & grid.solved[index]])
        axes.step(
            np.maximum(times, FLOOR_S), np.arange(1, len(times) + 1), where="post", label=arm, linewidth=1.3,
            linestyle="--" if arm in grid.again else "-",
        )  # fmt: skip
    axes.set(xscale="log", xlabel="seconds, whole process", ylabel="instances solved", title=title)
    _logarithmic(axes.xaxis)
    axes.set_xlim(FLOOR_S, grid.limit_s * 1.05)
    axes.grid(alpha=0.3)
    _legend(axes)
    return _svg(figure)


def scatter(grid: Grid, arm: str, base: str) -> str:
    """Each instance once: the base's seconds across, the arm's up; the answers and the unsolved apart."""
    figure, axes = plt.subplots(figsize=(4.6, 4.6))
    across = np.maximum(grid.times[grid.arms.index(base)], FLOOR_S)
    up = np.maximum(grid.times[grid.arms.index(arm)], FLOOR_S)
    answers = np.array([str(answer) for answer in grid.answers])
    found = [answer for answer in grid.kind.answers if answer in answers]
    marks = [(answer, marker, LABELS.get(answer, answer)) for answer, marker in zip(found, "oxsd", strict=False)]
    marks.append(("None", "+", "unsolved"))
    for answer, marker, label in marks:
        chosen = answers == answer
        if chosen.any():
            axes.scatter(
                across[chosen], up[chosen], s=16, marker=marker, label=label, alpha=0.75, linewidths=1
            )
    ends = (FLOOR_S, grid.limit_s * 1.1)
    axes.plot(ends, ends, color="grey", linewidth=0.8)
    axes.axhline(grid.limit_s, color="grey", linewidth=0.6, linestyle=":")
    axes.axvline(grid.limit_s, color="grey", linewidth=0.6, linestyle=":")
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel=f"{base}, s", ylabel=f"{arm}, s")
    _logarithmic(axes.xaxis)
    _logarithmic(axes.yaxis)
    axes.grid(alpha=0.3)
    _legend(axes)
    return _svg(figure)
