"""Scores as tables: those of SAT runs, and which half a score belongs to."""

from __future__ import annotations

from bench import milp_tables
from bench.cells import (
    INSIDE,
    Cell,
    Table,
    best_cell,
    build,
    guided,
    interval,
    markdown,
    marked,
    mcnemar,
    number,
    of_base,
    spread,
    stage_table,
)
from bench.kinds import MILP, Kind
from bench.score import Score

__all__ = ["Table", "legend", "markdown", "notes", "tables"]

SAT_LEGEND = (
    "Times are total process seconds measured from outside; a run without an answer within the limit counts "
    "at the limit, at twice the limit in PAR-2. `vs base` and `vs best stock` are geometric means of paired "
    "time ratios, both times shifted by 1 s, with bootstrap 95% intervals over instances; the best stock arm "
    "is the one of the smallest shifted geometric mean on the same instances. Conflicts: geometric mean of "
    "paired ratios shifted by 10, over the instances both arms solved (how many in brackets). "
    f"{INSIDE} marks a figure inside the A/A spread (the base run twice, farther end of its interval). "
    "Wilcoxon: signed ranks of the log ratios; McNemar: exact, solved only by the arm / only by the baseline."
)


SOLVED: list[tuple[str, Cell]] = [
    ("n", lambda score, line: str(line.count)),
    ("solved", lambda score, line: str(line.solved)),
    ("time-outs", lambda score, line: str(line.timeouts)),
    ("errors", lambda score, line: str(line.errors)),
    ("PAR-2 s", lambda score, line: number(line.par2)),
    ("geomean s", lambda score, line: number(line.geomean_s)),
    ("vs base", lambda score, line: marked(line.base, "time")),
    ("vs best stock", lambda score, line: best_cell(line)),
    ("A/A spread", lambda score, line: spread(score.aa.get(line.group))),
]
CONFLICTS: list[tuple[str, Cell]] = [
    ("conflicts vs base", lambda score, line: marked(line.base, "conflicts", count=True)),
    ("conflicts vs best stock", lambda score, line: marked(line.best_stock, "conflicts", count=True)),
    ("A/A conflicts", lambda score, line: spread(score.aa.get(line.group), "conflicts")),
    ("time, SAT", lambda score, line: of_base(line, lambda pair: interval(pair.sat, count=True))),
    ("time, UNSAT", lambda score, line: of_base(line, lambda pair: interval(pair.unsat, count=True))),
    ("guided", lambda score, line: guided(line)),
    ("time, guided only", lambda score, line: of_base(line, lambda pair: interval(pair.guided, count=True))),
    ("Wilcoxon p", lambda score, line: of_base(line, lambda pair: number(pair.wilcoxon_p, 2))),
    ("McNemar +/-, p", lambda score, line: of_base(line, mcnemar)),
]


def tables(score: Score) -> list[Table]:
    """All tables of one score, in reading order."""
    if score.kind is MILP:
        return milp_tables.tables(score)
    return [
        build(f"Solved and time (limit {score.limit_s:g} s, base: {score.baseline})", score, SOLVED),
        build(f"Conflicts, splits and tests (base: {score.baseline})", score, CONFLICTS),
        stage_table(score),
    ]


def legend(kind: Kind) -> str:
    """How the tables of one half are read."""
    return milp_tables.LEGEND if kind is MILP else SAT_LEGEND


def notes(score: Score) -> list[str]:
    """What a reader must know beside the tables: wrong answers first."""
    lines = [f"WRONG ANSWER: {text}" for text in score.wrong]
    arm = "timed arm" if score.counts_only else "arm"
    lines.append(
        f"{score.num_instances} instances run on every {arm}; {score.unsolved_by_all} of them solved by no arm."
    )
    if score.incomplete:
        lines.append(f"Left out, not yet run on every {arm}: {len(score.incomplete)}.")
    if score.counts_only:
        lines.append(f"Counted and not timed, on the instances they ran on: {', '.join(score.counts_only)}.")
    return lines + score.opinions
