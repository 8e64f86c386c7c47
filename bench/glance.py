"""The first table of the results: a line for each learned arm of each timed run, all its instances together."""

from __future__ import annotations

from collections.abc import Sequence

from bench.cells import Table, best_cell, marked, number
from bench.rows import Row
from bench.score import Line, Score

COLUMNS = [
    "run", "arm", "instances", "best stock s", "its solved", "arm s", "solved", "time over best stock", "over the base",
]  # fmt: skip
LEARNED = ("auto", "model:", "race")
LEGEND = (
    "Every arm that asks a network, of every run that was timed; all instances of a run together. Seconds are shifted "
    "geometric means. Controls, splits and counts stand in the run's own section, and so do the runs that time nothing."
)


def lines(title: str, headers: Sequence[Row], scored: Score) -> list[list[str]]:
    """Cells of COLUMNS; none for a run that times no network."""
    arms = {arm["name"]: arm for header in headers for arm in header["arms"]}
    learned = [name for name, arm in arms.items() if not arm.get("stock") and _asks_a_network(arm)]
    widest = max(scored.lines, key=lambda line: line.count).group
    of = {line.arm: line for line in scored.lines if line.group == widest}
    shown = [of[name] for name in learned if name in of and of[name].geomean_s is not None]
    return [
        _cells(title if first == 0 else "", line, of.get(line.best_name or "")) for first, line in enumerate(shown)
    ]


def _asks_a_network(arm: Row) -> bool:
    words = [arm["guidance"], *(word.lstrip("-") for word in arm["extra"])]
    return any(word.startswith(LEARNED) for word in words)


def _cells(title: str, line: Line, stock: Line | None) -> list[str]:
    best = [number(stock.geomean_s), str(stock.solved)] if stock else [number(None)] * 2
    own = [number(line.geomean_s), str(line.solved)]
    return [title, line.arm, str(line.count), *best, *own, best_cell(line), marked(line.base, "time")]


def table(rows: Sequence[list[str]]) -> Table:
    return Table("At a glance", COLUMNS, list(rows))
