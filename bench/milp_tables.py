"""The tables of MILP runs: time of the timed arms, nodes and LP iterations of all, and what the policy cost."""

from __future__ import annotations

from bench.cells import (
    INSIDE,
    MISSING,
    Cell,
    Table,
    best_cell,
    build,
    guided,
    interval,
    marked,
    mcnemar,
    number,
    of_base,
    spread,
    stage_table,
)
from bench.score import Line, Score

LEGEND = (
    "MILP suites. Protocol `paper`: cuts at the root only, no restarts, one thread; `default`: SCIP untouched. "
    "Means are geometric, shifted by 1, over all instances: a run stopped at its limit counts the limit in "
    "seconds, and what it had reached in nodes and LP iterations (a lower bound; in brackets how many instances "
    "were counted, where some were not). `vs base` and `vs best stock` are geometric means of paired ratios "
    "shifted by 1, bootstrap 95% intervals over instances; of times over all instances, of counts over those both"
    " arms solved (how many in brackets). Best stock: the better of SCIP untouched and pscost, by wall time on "
    "the same instances, where those are equal by the integral. Wins: instances no timed arm solved faster. "
    "Integral, where some run met its limit: SCIP's primal-dual integral in per cent times seconds, shifted by "
    "100, over all instances; the gap at the end is of the larger bound, 100% without an incumbent. Fair nodes: "
    f"nodes + 2 (domain reductions + cutoffs). LP + SB: LP iterations with those of strong branching. {INSIDE} "
    "marks a figure inside the A/A spread (the base run twice). Wall time is of the whole process, start-up and "
    "checking included. Objectives of arms that both say OPTIMAL may differ by 1e-6 relative, else a line above "
    "the tables says so."
)


def _count(line: Line, name: str) -> str:
    """A shifted geometric mean; with the number of instances counted, where that is not all."""
    if name not in line.counts:
        return MISSING
    value, known = line.counts[name]
    return number(value) if known == line.count else f"{number(value)} ({known})"


def _columns(name: str) -> list[tuple[str, Cell]]:
    """Of one count: its mean, over the base, over the best stock arm, and how noisy it is."""
    return [
        (name, lambda score, line: _count(line, name)),
        (f"{name} vs base", lambda score, line: marked(line.base, name, count=True)),
        (f"{name} vs best stock", lambda score, line: marked(line.best_stock, name, count=True)),
        (f"A/A {name}", lambda score, line: spread(score.aa.get(line.group), name)),
    ]


def _policy(line: Line, name: str, shape: str) -> str:
    return format(line.policy[name], shape) if name in line.policy else MISSING


def _timed(score: Score, line: Line, text: str) -> str:
    return MISSING if line.arm in score.counts_only else text


SOLVED: list[tuple[str, Cell]] = [
    ("n", lambda score, line: str(line.count)),
    ("solved", lambda score, line: str(line.solved)),
    ("limits", lambda score, line: str(line.timeouts)),
    ("errors", lambda score, line: str(line.errors)),
    ("wins", lambda score, line: MISSING if line.wins is None else str(line.wins)),
    ("wall s", lambda score, line: number(line.geomean_s)),
    ("wall vs base", lambda score, line: marked(line.base, "time")),
    ("wall vs best stock", lambda score, line: best_cell(line)),
    ("A/A wall", lambda score, line: spread(score.aa.get(line.group))),
    ("CPU s", lambda score, line: number(line.geomean_cpu_s)),
    ("CPU vs base", lambda score, line: marked(line.base, "cpu")),
    ("CPU vs best stock", lambda score, line: marked(line.best_stock, "cpu")),
]
BOUNDS: list[tuple[str, Cell]] = [
    ("limits", lambda score, line: str(line.timeouts)),
    ("mean gap at the end", lambda score, line: MISSING if line.gap is None else f"{line.gap:.3%}"),
    ("integral", lambda score, line: number(line.integral)),
    ("integral vs base", lambda score, line: marked(line.base, "integral")),
    ("integral vs best stock", lambda score, line: marked(line.best_stock, "integral")),
    ("A/A integral", lambda score, line: spread(score.aa.get(line.group), "integral")),
]
NODES = [*_columns("nodes"), *_columns("fair nodes")]
ITERATIONS = [*_columns("LP"), *_columns("LP + SB")]
POLICY: list[tuple[str, Cell]] = [
    ("guided", lambda score, line: guided(line)),
    ("wall, guided only", lambda score, line: of_base(line, lambda pair: interval(pair.guided, count=True))),
    ("policy calls", lambda score, line: _policy(line, "calls", ".0f")),
    ("handed over", lambda score, line: _policy(line, "handed over", ".0%")),
    ("ms a call", lambda score, line: _policy(line, "ms", ".2f")),
    ("policy's share of wall", lambda score, line: _timed(score, line, _policy(line, "share", ".1%"))),
    (
        "Wilcoxon p",
        lambda score, line: _timed(score, line, of_base(line, lambda pair: number(pair.wilcoxon_p, 2))),
    ),
    ("McNemar +/-, p", lambda score, line: _timed(score, line, of_base(line, mcnemar))),
]


def tables(score: Score) -> list[Table]:
    """All tables of one MILP score, in reading order."""
    setting = f"protocol {score.protocol}, limit {score.limit_s:g} s, base: {score.baseline}"
    return [
        build(f"Solved and time ({setting})", score, SOLVED),
        *([build(f"Bounds ({setting})", score, BOUNDS)] if any(line.timeouts for line in score.lines) else []),
        build(f"Nodes ({setting})", score, NODES),
        build(f"LP iterations ({setting})", score, ITERATIONS),
        build(f"Policy and tests ({setting})", score, POLICY),
        stage_table(score),
    ]
