"""The LP of a node as a bipartite graph of columns and rows, the arrays that graph networks read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosolve.milp.native import LPSolution, Matrix, NativeLP

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROOT_COLUMN_FEATURES = (
    "objective", "is_binary", "is_integer", "has_lower", "has_upper", "value", "fractionality", "at_lower", "at_upper",
    "is_basic", "reduced_cost", "log_num_rows", "mean_weight", "max_weight", "positive_share", "dual_mass",
)  # fmt: skip
ROOT_ROW_FEATURES = (
    "is_equality", "has_lhs", "has_rhs", "lhs", "rhs", "is_tight", "dual", "log_num_columns", "objective_cosine",
    "positive_share",
)  # fmt: skip


@dataclass(frozen=True)
class RootGraph:
    """The LP at the root, or of a node.  column_features float32 (n, len(ROOT_COLUMN_FEATURES)), row_features float32
    (m, len(ROOT_ROW_FEATURES)), and the matrix by rows: indptr int32 (m+1,), indices int32, coefficients float32, each
    row divided by its Euclidean norm.  Columns and rows are in LP order."""

    column_features: Floats
    row_features: Floats
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    coefficients: Floats

    @property
    def num_columns(self) -> int:
        return len(self.column_features)

    @property
    def num_rows(self) -> int:
        return len(self.row_features)

    @property
    def num_nonzeros(self) -> int:
        return int(self.indices.size)


@dataclass(frozen=True)
class Kinds:
    """Which columns are binary, and which are other integers: bool (n,)."""

    binary: Bools
    integer: Bools


@dataclass(frozen=True)
class LPArrays:
    """An LP in memory.  graph; columns: the matrix by columns, each row divided by its norm; objective (n,);
    solution: zeros where the LP is not solved."""

    graph: RootGraph
    columns: Matrix
    objective: Reals
    solution: LPSolution


def lp_arrays(native: NativeLP, kinds: Kinds) -> LPArrays:
    """Of the node that SCIP is working on."""
    columns, rows, objective = native.columns(), native.rows(), native.objective()
    none = np.zeros(objective.size), np.zeros(rows.lower.size)
    solution = native.solution() or LPSolution(none[0], none[1], none[1], none[0])
    norms = sums(np.square(rows.values), rows.indptr)
    norms = np.sqrt(np.where(norms > 0, norms, 1.0))
    columns = replace(columns, values=columns.values / norms[columns.indices])
    graph = RootGraph(
        _column_table(columns, objective, solution, native.basis()[0], kinds),
        _row_table(rows, objective, solution, norms),
        rows.indptr,
        rows.indices,
        (rows.values / np.repeat(norms, np.diff(rows.indptr))).astype(np.float32),
    )
    return LPArrays(graph, columns, objective, solution)


def _column_table(
    columns: Matrix, objective: Reals, solution: LPSolution, basis: NDArray[np.int32], kinds: Kinds
) -> Floats:
    weights = columns.values
    value, lower, upper = solution.primal, columns.lower, columns.upper
    lengths = np.diff(columns.indptr)
    least = np.maximum(lengths, 1)
    fraction = value - np.floor(value + 1e-6)
    positions = {
        "objective": _to_largest(objective),
        "is_binary": kinds.binary,
        "is_integer": kinds.integer,
        "has_lower": np.isfinite(lower),
        "has_upper": np.isfinite(upper),
        "value": _position(value, lower, upper),
        "fractionality": np.where(kinds.binary | kinds.integer, np.maximum(np.minimum(fraction, 1 - fraction), 0), 0),
        "at_lower": np.abs(value - lower) < 1e-6,
        "at_upper": np.abs(value - upper) < 1e-6,
        "is_basic": basis == 1,
        "reduced_cost": _to_largest(solution.reduced_cost),
        "log_num_rows": _centred_log(lengths),
        "mean_weight": sums(np.abs(weights), columns.indptr) / least,
        "max_weight": _maxima(np.abs(weights), columns.indptr),
        "positive_share": sums(weights > 0, columns.indptr) / least,
        "dual_mass": _to_largest(sums(np.abs(weights * solution.dual[columns.indices]), columns.indptr)),
    }
    return np.stack([positions[name].astype(np.float32) for name in ROOT_COLUMN_FEATURES], axis=1)


def _row_table(rows: Matrix, objective: Reals, solution: LPSolution, norms: Reals) -> Floats:
    lengths, activity = np.diff(rows.indptr), solution.activity
    left, right = np.isfinite(rows.lower), np.isfinite(rows.upper)
    lhs, rhs = np.where(left, rows.lower, 0.0), np.where(right, rows.upper, 0.0)
    tolerance = 1e-6 * np.maximum(1.0, np.maximum(np.abs(lhs), np.abs(rhs)))
    tight = (left & (activity - lhs < tolerance)) | (right & (rhs - activity < tolerance))
    size = float(np.linalg.norm(objective)) or 1.0
    features = {
        "is_equality": left & right & (rhs - lhs < tolerance),
        "has_lhs": left,
        "has_rhs": right,
        "lhs": np.arcsinh(lhs / norms),
        "rhs": np.arcsinh(rhs / norms),
        "is_tight": tight,
        "dual": _to_largest(solution.dual),
        "log_num_columns": _centred_log(lengths),
        "objective_cosine": sums(rows.values * objective[rows.indices], rows.indptr) / (norms * size),
        "positive_share": sums(rows.values > 0, rows.indptr) / np.maximum(lengths, 1),
    }
    return np.stack([features[name].astype(np.float32) for name in ROOT_ROW_FEATURES], axis=1)


def sums(values: NDArray[np.float64] | NDArray[np.bool_], indptr: NDArray[np.int32]) -> Reals:
    """Sum of each segment, 0 of an empty one."""
    running = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    sums: Reals = running[indptr[1:]] - running[indptr[:-1]]
    return sums


def _maxima(values: Reals, indptr: NDArray[np.int32]) -> Reals:
    """Largest of each segment, 0 of an empty one."""
    out = np.zeros(indptr.size - 1)
    filled = np.flatnonzero(np.diff(indptr))
    if filled.size:
        out[filled] = np.maximum.reduceat(values, indptr[:-1][filled])
    return out


def _to_largest(values: Reals) -> Reals:
    """Scaled so that the largest magnitude is 1."""
    largest = float(np.abs(values).max(initial=0.0))
    return values / largest if largest > 0 else np.zeros_like(values)


def _centred_log(counts: NDArray[np.int32]) -> Reals:
    """log(1 + count) less its mean."""
    logs = np.log1p(counts.astype(np.float64))
    return logs - (logs.mean() if logs.size else 0.0)


def _position(value: Reals, lower: Reals, upper: Reals) -> Reals:
    """Where a value lies between its bounds, 0 to 1; squashed to (-1, 1) where a bound is missing."""
    bounded = np.isfinite(lower) & np.isfinite(upper) & (upper > lower)
    width = np.where(bounded, upper - np.where(bounded, lower, 0.0), 1.0)
    inside = (value - np.where(bounded, lower, 0.0)) / width
    return np.where(bounded, inside, value / (1 + np.abs(value)))
