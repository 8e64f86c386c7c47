"""Scores as tables of text cells: one set of columns for the terminal, Markdown and HTML."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from bench.score import Line, Pair, Score
from bench.stats import Ratio

MISSING = "–"  # noqa: RUF001
INSIDE = "≈"  # after a figure: no farther from 1 than the A/A pair of the same group reaches
Cell = Callable[[Score, Line], str]

LEGEND = (
    "Times are total process seconds measured from outside; a run without an answer within the limit counts "
    "at the limit, at twice the limit in PAR-2. `vs base` and `vs best stock` are geometric means of paired "
    "time ratios, both times shifted by 1 s, with bootstrap 95% intervals over instances; the best stock arm "
    "is the one of the smallest shifted geometric mean on the same instances. Conflicts: geometric mean of "
    "paired ratios shifted by 10, over the instances both arms solved (how many in brackets). "
    f"{INSIDE} marks a figure inside the A/A spread (the base run twice, farther end of its interval). "
    "Wilcoxon: signed ranks of the log ratios; McNemar: exact, solved only by the arm / only by the baseline."
)


@dataclasses.dataclass(frozen=True)
class Table:
    """`rows` are cells as text; a new group starts where the first cell is not empty."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def number(value: float | None, digits: int = 3) -> str:
    return MISSING if value is None else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def interval(ratio: Ratio | None, inside: bool = False, count: bool = False) -> str:
    if ratio is None:
        return MISSING
    mark = f" {INSIDE}" if inside else ""
    size = f" ({ratio.count})" if count else ""
    return f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]{mark}{size}"


def _spread(pair: Pair | None, conflicts: bool = False) -> str:
    ratio = pair and (pair.conflicts if conflicts else pair.time)
    return f"×{ratio.spread:.3f}" if ratio else MISSING  # noqa: RUF001


def _of(line: Line, read: Callable[[Pair], str]) -> str:
    return read(line.base) if line.base else MISSING


def _best(line: Line) -> str:
    if line.best_stock is None:
        return "best stock" if line.arm == line.best_name else MISSING
    return f"{interval(line.best_stock.time, line.best_stock.time_inside)} {line.best_stock.other}"


SOLVED: list[tuple[str, Cell]] = [
    ("n", lambda score, line: str(line.count)),
    ("solved", lambda score, line: str(line.solved)),
    ("time-outs", lambda score, line: str(line.timeouts)),
    ("errors", lambda score, line: str(line.errors)),
    ("PAR-2 s", lambda score, line: number(line.par2)),
    ("geomean s", lambda score, line: number(line.geomean_s)),
    ("vs base", lambda score, line: _of(line, lambda pair: interval(pair.time, pair.time_inside))),
    ("vs best stock", lambda score, line: _best(line)),
    ("A/A spread", lambda score, line: _spread(score.aa.get(line.group))),
]
CONFLICTS: list[tuple[str, Cell]] = [
    (
        "conflicts vs base",
        lambda score, line: _of(
            line, lambda pair: interval(pair.conflicts, pair.conflicts_inside, count=True)
        ),
    ),
    (
        "conflicts vs best stock",
        lambda score, line: (
            interval(line.best_stock.conflicts, line.best_stock.conflicts_inside, count=True)
            if line.best_stock
            else MISSING
        ),
    ),
    ("A/A conflicts", lambda score, line: _spread(score.aa.get(line.group), conflicts=True)),
    ("time, SAT", lambda score, line: _of(line, lambda pair: interval(pair.sat, count=True))),
    ("time, UNSAT", lambda score, line: _of(line, lambda pair: interval(pair.unsat, count=True))),
    ("guided", lambda score, line: MISSING if line.share_guided is None else f"{line.share_guided:.0%}"),
    ("time, guided only", lambda score, line: _of(line, lambda pair: interval(pair.guided, count=True))),
    ("Wilcoxon p", lambda score, line: _of(line, lambda pair: number(pair.wilcoxon_p, 2))),
    (
        "McNemar +/-, p",
        lambda score, line: _of(
            line, lambda pair: f"{pair.mcnemar.gained}/{pair.mcnemar.lost}, {number(pair.mcnemar.p, 2)}"
        ),
    ),
]


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


def tables(score: Score) -> list[Table]:
    """All tables of one score, in reading order."""
    return [
        build(f"Solved and time (limit {score.limit_s:g} s, base: {score.baseline})", score, SOLVED),
        build(f"Conflicts, splits and tests (base: {score.baseline})", score, CONFLICTS),
        stage_table(score),
    ]


def notes(score: Score) -> list[str]:
    """What a reader must know beside the tables: wrong answers first."""
    lines = [f"WRONG ANSWER: {text}" for text in score.wrong]
    lines.append(
        f"{score.num_instances} instances run on every arm; {score.unsolved_by_all} of them solved by no arm."
    )
    if score.incomplete:
        lines.append(f"Left out, not yet run on every arm: {len(score.incomplete)}.")
    return lines


def markdown(table: Table) -> str:
    """A pipe table."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return "\n".join(lines)
