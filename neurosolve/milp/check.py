"""Does a point satisfy the problem as the file states it?  Independent of every solver."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurosolve.milp.problem import Floats, Problem

TOLERANCE = 1e-6  # SCIP's feasibility tolerance: relative to the larger of 1, the side and the value
INTEGRALITY = 1e-6  # absolute


@dataclasses.dataclass(frozen=True)
class Violation:
    """what: value, bound, integrality, row or objective.  name: the column's or row's.  amount: absolute."""

    what: str
    name: str
    amount: float
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.name}".rstrip() + f": {self.detail}, off by {self.amount:.3g}"


def verify(
    problem: Problem, values: Floats, claimed_objective: float | None = None, tol: float = TOLERANCE
) -> Violation | None:
    """The worst violation of the first kind that is violated, None where the point holds.

    values: float64 (n,), by the problem's columns.  Kinds in turn: finite values, bounds, integrality (1e-6, or
    `tol` where that is looser), rows, the claimed objective.  Bounds, rows and objective are compared as SCIP compares
    them: relative to max(1, |side|, |value|), and up to the rounding of a sum of so many products.
    """
    if values.shape != (problem.num_columns,):
        raise ValueError(f"{values.shape} values for {problem.num_columns} columns")
    if not np.all(np.isfinite(values)):
        column = int(np.flatnonzero(~np.isfinite(values))[0])
        return Violation("value", problem.column_names[column], np.inf, f"{values[column]}")
    return (
        _bounds(problem, values, tol)
        or _integrality(problem, values, max(tol, INTEGRALITY))
        or _rows(problem, values, tol)
        or (None if claimed_objective is None else _objective(problem, values, claimed_objective, tol))
    )


def rounded(problem: Problem, values: Floats) -> Floats:
    """The values with those of integer columns rounded, (n,): verify these too to see what the tolerance hid."""
    return np.where(problem.integer, np.round(values), values)


def _excess(values: Floats, low: Floats, high: Floats, tol: float, rounding: Floats | float) -> tuple[Floats, Floats]:
    """How far each value is outside of [low, high], and how far it may be."""
    over, under = np.maximum(values - high, 0.0), np.maximum(low - values, 0.0)
    side = np.where(over > 0, high, np.where(under > 0, low, 0.0))
    size = np.maximum(1.0, np.maximum(np.abs(values), np.where(np.isfinite(side), np.abs(side), 0.0)))
    return np.maximum(over, under), tol * size + rounding


def _worst(amount: Floats, allowed: Floats) -> int | None:
    """The index of the largest violation, relative to what is allowed; NaN counts as one."""
    if not len(amount) or not np.any(~(amount <= allowed)):
        return None
    return int(np.argmax(np.where(np.isnan(amount), np.inf, amount / np.maximum(allowed, 1e-300))))


def _bounds(problem: Problem, values: Floats, tol: float) -> Violation | None:
    amount, allowed = _excess(values, problem.lower, problem.upper, tol, 0.0)
    at = _worst(amount, allowed)
    if at is None:
        return None
    detail = f"{values[at]!s} is not in [{problem.lower[at]!s}, {problem.upper[at]!s}]"
    return Violation("bound", problem.column_names[at], float(amount[at]), detail)


def _integrality(problem: Problem, values: Floats, allowed: float) -> Violation | None:
    amount = np.where(problem.integer, np.abs(values - np.round(values)), 0.0)
    at = _worst(amount, np.full(len(amount), allowed))
    if at is None:
        return None
    return Violation("integrality", problem.column_names[at], float(amount[at]), f"{values[at]!s} is not integral")


def _rows(problem: Problem, values: Floats, tol: float) -> Violation | None:
    activities = problem.activities(values)
    amount, allowed = _excess(activities, problem.lhs, problem.rhs, tol, _rounding(problem, values))
    at = _worst(amount, allowed)
    if at is None:
        return None
    detail = f"{activities[at]!s} is not in [{problem.lhs[at]!s}, {problem.rhs[at]!s}]"
    return Violation("row", problem.row_names[at], float(amount[at]), detail)


def _rounding(problem: Problem, values: Floats) -> Floats:
    """What the order of summation may change in each row's activity, (m,)."""
    sizes = np.abs(problem.coefficients * values[problem.indices])
    sums = np.bincount(problem.row_of_nonzero(), weights=sizes, minlength=problem.num_rows)
    return 4 * np.finfo(np.float64).eps * sums


def _objective(problem: Problem, values: Floats, claimed: float, tol: float) -> Violation | None:
    actual = problem.objective_of(values)
    sizes = float(np.abs(problem.objective) @ np.abs(values)) + abs(problem.offset)
    allowed = tol * max(1.0, abs(actual), abs(claimed)) + 4 * np.finfo(np.float64).eps * sizes
    if abs(actual - claimed) <= allowed:
        return None
    return Violation("objective", "", abs(actual - claimed), f"{claimed!s} is claimed, {actual!s} is right")
