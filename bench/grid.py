"""Result rows arranged as arrays: arms by instances.

A run is solved when it gave an answer within the limit, measured from outside; any other run counts at the
limit in means and ratios, at twice the limit in PAR-2.  Several seeds of one arm on one instance are folded
into one entry (times by their shifted geometric mean), so that instances are what is sampled.  Only instances
on which every arm has run are scored.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench import stats
from bench.rows import BenchError, Row
from bench.runner import ANSWERS
from bench.stats import Bools, Floats


@dataclasses.dataclass
class Grid:
    """Rows as arrays of shape (num_arms, num_instances)."""

    arms: list[str]
    instances: list[Row]  # any one row of each instance, for its family, split and known status
    answers: list[str | None]  # what any arm, else the suite, says
    times: Floats
    solved: Bools
    unknown: Bools
    errors: Bools
    conflicts: Floats  # nan where not counted
    guided: Floats  # share of seeds that were guided; nan without a gate
    stages: dict[str, Floats]
    limit_s: float
    stock: list[str]
    again: dict[str, str]  # an A/A arm -> the arm it repeats
    incomplete: list[str]


def build_grid(runs: Sequence[Row], measure: str = "wall_s", order: Sequence[str] = ()) -> Grid:
    """Arrange rows, the arms in `order`; raises BenchError with no complete instance or with two limits."""
    by_cell: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in runs:
        by_cell[row["arm"], row["sha256"]].append(row)
    present = dict.fromkeys(row["arm"] for row in runs)
    arms = sorted(present, key=lambda arm: order.index(arm) if arm in order else len(order))
    names = {row["sha256"]: row for row in runs}
    complete = [sha for sha in names if all((arm, sha) in by_cell for arm in arms)]
    limits = {row["limit_s"] for row in runs}
    if not complete or len(limits) != 1:
        raise BenchError(f"nothing to score: {len(complete)} complete instances, limits {sorted(limits)}")
    complete.sort(key=lambda sha: names[sha]["instance"])
    limit_s = float(limits.pop())
    cells = [[_Cell.of(by_cell[arm, sha], limit_s, measure) for sha in complete] for arm in arms]
    stage_names = sorted({name for line in cells for cell in line for name in cell.stages})

    def array(field: str) -> Any:
        return np.array([[getattr(cell, field) for cell in line] for line in cells])

    return Grid(
        arms=arms,
        instances=[names[sha] for sha in complete],
        answers=[_answer([row for arm in arms for row in by_cell[arm, sha]]) for sha in complete],
        times=array("time").astype(float),
        solved=array("solved").astype(bool),
        unknown=array("unknown").astype(bool),
        errors=array("error").astype(bool),
        conflicts=array("conflicts").astype(float),
        guided=array("guided").astype(float),
        stages={
            name: np.array([[cell.stages.get(name, np.nan) for cell in line] for line in cells])
            for name in stage_names
        },
        limit_s=limit_s,
        stock=[arm for arm in arms if any(row["arm"] == arm and row["stock"] for row in runs)],
        again={arm: arm.removesuffix("-again") for arm in arms if arm.endswith("-again")},
        incomplete=sorted(names[sha]["instance"] for sha in names if sha not in set(complete)),
    )


@dataclasses.dataclass(frozen=True)
class _Cell:
    """One arm on one instance, its seeds folded together; solved when more than half of them were."""

    time: float
    solved: bool
    unknown: bool
    error: bool
    conflicts: float
    guided: float
    stages: dict[str, float]

    @staticmethod
    def of(rows: Sequence[Row], limit_s: float, measure: str) -> _Cell:
        within = [_solved(row, limit_s) for row in rows]
        times = [min(row[measure], limit_s) if ok else limit_s for row, ok in zip(rows, within, strict=True)]
        reports = [row["cli"] or {} for row in rows]
        counts = [(report.get("stats") or {}).get("num_conflicts", np.nan) for report in reports]
        gates = [gate.get("guided") for report in reports if (gate := report.get("gate"))]
        error = any(row["status"] == "ERROR" or row.get("wrong") for row in rows)
        solved = 2 * sum(within) > len(within)
        stages: dict[str, list[float]] = defaultdict(list)
        for report in reports:
            for name, seconds in (report.get("stages") or {}).items():
                stages[name].append(float(seconds))
        return _Cell(
            time=stats.shifted_geomean(np.array(times, dtype=float), stats.TIME_SHIFT_S),
            solved=solved,
            unknown=not solved and not error,
            error=error,
            conflicts=float(np.mean(np.array(counts, dtype=float))),  # None becomes nan
            guided=float(np.mean([bool(gate) for gate in gates])) if gates else np.nan,
            stages={name: float(np.mean(values)) for name, values in stages.items()},
        )


def _solved(row: Row, limit_s: float) -> bool:
    return row["status"] in ANSWERS and row["wall_s"] <= limit_s and not row.get("wrong")


def _answer(rows: Sequence[Row]) -> str | None:
    known = {"SAT": "SATISFIABLE", "UNSAT": "UNSATISFIABLE"}.get(rows[0]["known"])
    return known or next((row["status"] for row in rows if row["status"] in ANSWERS), None)
