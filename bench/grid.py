"""Result rows arranged as arrays: arms by instances.

A run is solved when it gave an answer within the limit, measured from outside; any other run counts at the
limit in means and ratios, at twice the limit in PAR-2.  Several seeds of one arm on one instance are folded
into one entry (by shifted geometric means), so that instances are what is sampled.  Only instances on which every
timed arm has run are scored; an arm of which only counts are wanted may lack some.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench import kinds, stats
from bench.answers import of_suite
from bench.kinds import Kind
from bench.rows import BenchError, Row
from bench.stats import Bools, Floats


@dataclasses.dataclass
class Grid:
    """Rows as arrays of shape (num_arms, num_instances)."""

    kind: Kind
    protocol: str | None
    arms: list[str]
    instances: list[Row]  # any one row of each instance, for its family, split and known status
    answers: list[str | None]  # what any arm, else the suite, says
    present: Bools  # False where an arm that is only counted has not run
    times: Floats
    cpu_s: Floats
    solved: Bools
    unknown: Bools
    errors: Bools
    counts: dict[str, Floats]  # by the kind's names; nan where not counted
    integral: Floats  # SCIP's primal-dual integral, per cent times seconds; nan where there is none
    gap: Floats  # at the end, of the larger bound (0: closed, 1: no incumbent); nan of SAT runs
    guided: Floats  # share of seeds that were guided; nan without a gate
    stages: dict[str, Floats]
    policy: dict[str, Floats]  # what a branching policy cost: see policy_figures
    limit_s: float
    stock: list[str]
    again: dict[str, str]  # an A/A arm -> the arm it repeats
    counts_only: list[str]
    incomplete: list[str]


def build_grid(runs: Sequence[Row], measure: str = "wall_s", order: Sequence[str] = ()) -> Grid:
    """Arrange rows, the arms in `order`, without those that only answer; raises BenchError with no complete instance,
    or two limits or protocols."""
    runs = [row for row in runs if not row.get("answers_only")]
    kind = kinds.of_rows(runs)
    by_cell: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in runs:
        by_cell[row["arm"], row["sha256"]].append(row)
    present = dict.fromkeys(row["arm"] for row in runs)
    arms = sorted(present, key=lambda arm: order.index(arm) if arm in order else len(order))
    row_of = {row["sha256"]: row for row in runs}  # any one row of each instance
    counted = [arm for arm in arms if any(row["arm"] == arm and row.get("counts_only") for row in runs)]
    timed = [arm for arm in arms if arm not in counted] or arms
    complete = [sha for sha in row_of if all((arm, sha) in by_cell for arm in timed)]
    limits = {row["limit_s"] for row in runs}
    if not complete or len(limits) != 1:
        raise BenchError(f"nothing to score: {len(complete)} complete instances, limits {sorted(limits)}")
    complete.sort(key=lambda sha: row_of[sha]["instance"])
    limit_s = float(limits.pop())
    cells = [[_Cell.of(kind, by_cell[arm, sha], limit_s, measure) for sha in complete] for arm in arms]
    return Grid(
        kind=kind,
        protocol=runs[0].get("protocol"),
        arms=arms,
        instances=[row_of[sha] for sha in complete],
        answers=[_answer(kind, [row for arm in arms for row in by_cell[arm, sha]]) for sha in complete],
        present=_array(cells, "present").astype(bool),
        times=_array(cells, "time").astype(float),
        cpu_s=_array(cells, "cpu_s").astype(float),
        solved=_array(cells, "solved").astype(bool),
        unknown=_array(cells, "unknown").astype(bool),
        errors=_array(cells, "error").astype(bool),
        counts=_arrays(cells, "counts"),
        integral=_array(cells, "integral").astype(float),
        gap=_array(cells, "gap").astype(float),
        guided=_array(cells, "guided").astype(float),
        stages=_arrays(cells, "stages"),
        policy=_arrays(cells, "policy"),
        limit_s=limit_s,
        stock=[arm for arm in arms if any(row["arm"] == arm and row["stock"] for row in runs)],
        again={arm: arm.removesuffix("-again") for arm in arms if arm.endswith("-again")},
        counts_only=counted,
        incomplete=sorted(row_of[sha]["instance"] for sha in row_of.keys() - set(complete)),
    )


@dataclasses.dataclass(frozen=True)
class _Cell:
    """One arm on one instance, its seeds folded together; solved when more than half of them were."""

    present: bool
    time: float
    cpu_s: float
    solved: bool
    unknown: bool
    error: bool
    counts: dict[str, float]
    integral: float
    gap: float
    guided: float
    stages: dict[str, float]
    policy: dict[str, float]

    @staticmethod
    def of(kind: Kind, rows: Sequence[Row], limit_s: float, measure: str) -> _Cell:
        if not rows:
            return _Cell(False, np.nan, np.nan, False, False, False, {}, np.nan, np.nan, np.nan, {}, {})
        within = [_solved(kind, row, limit_s) for row in rows]
        reports = [row["cli"] or {} for row in rows]
        gates = [gate.get("guided") for report in reports if (gate := report.get("gate"))]
        error = any(row["status"] == "ERROR" or row.get("wrong") for row in rows)
        solved = 2 * sum(within) > len(within)

        def seconds(measure: str) -> float:
            capped = [min(row[measure], limit_s) if ok else limit_s for row, ok in zip(rows, within, strict=True)]
            return stats.shifted_geomean(np.array(capped, dtype=float), stats.TIME_SHIFT_S)

        counts = [kind.counts(report.get("stats") or {}) for report in reports]
        return _Cell(
            present=True,
            time=seconds(measure),
            cpu_s=seconds("cpu_s"),
            solved=solved,
            unknown=not solved and not error,
            error=error,
            counts={
                name: stats.shifted_geomean(np.array([count[name] for count in counts]), kind.count_shift)
                for name in counts[0]
            },
            integral=float(np.mean([_integral(report) for report in reports])),
            gap=float(np.mean([_gap(kind, report) for report in reports])),
            guided=float(np.mean([bool(gate) for gate in gates])) if gates else np.nan,
            stages=_means([report.get("stages") or {} for report in reports]),
            policy=_means([policy_figures(row) for row in rows]),
        )


Cells = Sequence[Sequence[_Cell]]  # by arm, by instance


def _array(cells: Cells, field: str) -> Any:
    """One figure of every cell, (num_arms, num_instances)."""
    return np.array([[getattr(cell, field) for cell in line] for line in cells])


def _arrays(cells: Cells, field: str) -> dict[str, Floats]:
    """Name -> (num_arms, num_instances) of a field that holds figures by name; nan where a cell has none of it."""
    names = sorted({name for line in cells for cell in line for name in getattr(cell, field)})
    return {
        name: np.array([[getattr(cell, field).get(name, np.nan) for cell in line] for line in cells]) for name in names
    }


def _means(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Name -> mean over the seeds that have it."""
    values: dict[str, list[float]] = defaultdict(list)
    for one in figures:
        for name, value in one.items():
            values[name].append(float(value))
    return {name: float(np.mean(found)) for name, found in values.items()}


def policy_figures(row: Row) -> dict[str, float]:
    """What the branching policy of a MILP run did: calls, share handed over, ms a call, share of wall time."""
    found = (row["cli"] or {}).get("stats") or {}
    calls, seconds = found.get("num_policy_calls"), found.get("policy_s")
    if not calls or seconds is None:
        return {}
    return {
        "calls": calls,
        "handed over": (found.get("num_handed_over") or 0) / calls,
        "ms": 1000 * seconds / calls,
        "share": seconds / row["wall_s"],
    }


def _integral(report: Mapping[str, Any]) -> float:
    value = (report.get("stats") or {}).get("primal_dual_integral")
    return np.nan if value is None else float(value)


def _gap(kind: Kind, report: Mapping[str, Any]) -> float:
    """|primal - dual| over the larger of them, as SCIP's integral has it (Berthold 2013); 1 where one is missing or
    their signs differ.
    """
    if kind is not kinds.MILP:
        return np.nan
    primal, dual = report.get("objective"), report.get("dual_bound")
    if primal is None or dual is None or primal * dual < 0:
        return 1.0
    return float(abs(primal - dual) / max(abs(primal), abs(dual), 1e-9))


def _solved(kind: Kind, row: Row, limit_s: float) -> bool:
    return row["status"] in kind.answers and row["wall_s"] <= limit_s and not row.get("wrong")


def _answer(kind: Kind, rows: Sequence[Row]) -> str | None:
    known = of_suite(rows[0]["known"])
    return known.status if known else next((row["status"] for row in rows if row["status"] in kind.answers), None)
