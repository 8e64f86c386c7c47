"""The cells and tables that both halves are shown in: one set of columns for the terminal, Markdown and HTML."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from bench.score import Line, Pair, Score
from bench.stats import Ratio

MISSING = "–"  # noqa: RUF001
INSIDE = "≈"  # after a figure: no farther from 1 than the A/A pair of the same group reaches
Cell = Callable[[Score, Line], str]


@dataclasses.dataclass(frozen=True)
class Table:
    """`rows` are cells as text; a new group starts where the first cell is not empty."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def number(value: float | None, digits: int = 3) -> str:
    return MISSING if value is None else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def interval(ratio: Ratio | None, inside: bool = False, count: bool = False) -> str:
    """A ratio with its interval; marked where it lies `inside` the noise, with its number of instances by `count`."""
    if ratio is None:
        return MISSING
    mark = f" {INSIDE}" if inside else ""
    size = f" ({ratio.count})" if count else ""
    return f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]{mark}{size}"


def figure(pair: Pair, name: str) -> Ratio | None:
    """The ratio called `time`, `cpu`, `integral` or by the name of a count."""
    return getattr(pair, name) if name in ("time", "cpu", "integral") else pair.counts.get(name)


def marked(pair: Pair | None, name: str, count: bool = False) -> str:
    """A ratio with its interval, marked where it lies inside the A/A spread."""
    return interval(figure(pair, name), name in pair.inside, count) if pair else MISSING


def spread(pair: Pair | None, name: str = "time") -> str:
    ratio = figure(pair, name) if pair else None
    return f"×{ratio.spread:.3f}" if ratio else MISSING  # noqa: RUF001


def of_base(line: Line, read: Callable[[Pair], str]) -> str:
    return read(line.base) if line.base else MISSING


def best_cell(line: Line) -> str:
    """The time ratio over the best stock arm, whose name stands behind it; `best stock` for that arm itself."""
    if line.best_stock is None:
        return "best stock" if line.arm == line.best_name else MISSING
    ratio = marked(line.best_stock, "time")
    return ratio if ratio == MISSING else f"{ratio} {line.best_stock.other}"


def guided(line: Line) -> str:
    return MISSING if line.share_guided is None else f"{line.share_guided:.0%}"


def mcnemar(pair: Pair) -> str:
    return f"{pair.mcnemar.gained}/{pair.mcnemar.lost}, {number(pair.mcnemar.p, 2)}"


def build(title: str, score: Score, columns: Sequence[tuple[str, Cell]]) -> Table:
    """One row a line; the group's name stands only where a group starts."""
    rows, last = [], None
    for line in score.lines:
        label = line.group if line.group != last else ""
        last = line.group
        rows.append([label, line.arm, *(cell(score, line) for _, cell in columns)])
    return Table(title, ["instances", "arm", *(name for name, _ in columns)], rows)


def stage_table(score: Score) -> Table:
    """Median seconds of every stage, on the largest group of each arm."""
    total = max(score.lines, key=lambda line: line.count).group
    lines = [line for line in score.lines if line.group == total and line.stages]
    names = sorted({name for line in lines for name in line.stages})
    rows = [[total, line.arm, *(number(line.stages.get(name)) for name in names)] for line in lines]
    return Table("Where the time goes (median seconds of each stage)", ["instances", "arm", *names], rows)


def markdown(table: Table) -> str:
    """A pipe table."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return "\n".join(lines)
