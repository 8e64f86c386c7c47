"""The LP relaxation at the root as arrays: the network's graph, and what every node looks up by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosolve.errors import EngineError, LimitError
from neurosolve.milp.native import LPSolution, Matrix, NativeLP

if TYPE_CHECKING:
    from pyscipopt import Model

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]

ROOT_COLUMN_FEATURES = (
    "objective", "is_binary", "is_integer", "has_lower", "has_upper", "value", "fractionality", "at_lower", "at_upper",
    "is_basic", "reduced_cost", "log_num_rows", "mean_weight", "max_weight", "positive_share", "dual_mass",
)  # fmt: skip
ROOT_ROW_FEATURES = (
    "is_equality", "has_lhs", "has_rhs", "lhs", "rhs", "is_tight", "dual", "log_num_columns", "objective_cosine",
    "positive_share",
)  # fmt: skip
# What a node looks up of its candidates' columns, beside the dynamic features.
STATIC_FEATURES = (
    "is_binary", "root_objective", "root_value", "root_fractionality", "root_reduced_cost", "root_dual_mass",
    "root_num_rows", "mean_weight", "max_weight",
)  # fmt: skip

MAX_NONZEROS = 5_000_000  # past which tables and graph network would take seconds
_MAX_ROWS_PER_COLUMN = 64  # rows of a column that a node looks at: longer columns are sampled evenly
_MAX_CELLS = 1 << 22  # of the padded table below: 32 MiB
_ACTIVE = 1e-9  # a dual value above which a row is active


@dataclass(frozen=True)
class RootGraph:
    """The LP at the root.  column_features float32 (n, len(ROOT_COLUMN_FEATURES)), row_features float32
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
class RootState:
    """The graph and what nodes need of it.  Every table by column has one row more, all zero, that column -1 (a
    variable that is no root column) reads.

    column_of: column by Variable.getIndex(), -1 elsewhere and in the last entry.  static float32
    (len(STATIC_FEATURES), n+1).  values: LP values at the root (n+1,).  objective: |c| (n+1,), num_rows (n+1,).
    rows, weights (n+1, w): at most w rows of each column and their |coefficients| over the row norm, padded by row m.
    """

    graph: RootGraph
    column_of: NDArray[np.int32]
    static: Floats
    values: Reals
    objective: Reals
    num_rows: Reals
    rows: NDArray[np.int32]
    weights: Floats
    row_pointers: NDArray[np.uint64]
    lp_objective: float
    num_integers: int
    native: NativeLP


def root_graph(scip: Model) -> RootGraph:
    """The LP of the current node, as a network takes it.  Raises as root_state."""
    return root_state(scip).graph


def root_state(scip: Model) -> RootState:
    """Graph and tables of the LP of the current node; call it at the first branching.

    Raises LimitError past MAX_NONZEROS, EngineError where SCIP's LP cannot be read.
    """
    native = NativeLP(scip)
    if native.num_nonzeros > MAX_NONZEROS:
        raise LimitError(f"an LP of {native.num_nonzeros} nonzeros is past the budget of {MAX_NONZEROS}")
    columns, rows, objective = native.columns(), native.rows(), native.objective()
    variables = [column.getVar() for column in scip.getLPColsData()]
    if len(variables) != objective.size:
        raise EngineError(f"SCIP has {len(variables)} LP columns, its LP solver {objective.size}")
    none = np.zeros(objective.size), np.zeros(rows.lower.size)
    solution = native.solution() or LPSolution(none[0], none[1], none[1], none[0])
    basis = native.basis()[0]
    norms = _sums(np.square(rows.values), rows.indptr)
    norms = np.sqrt(np.where(norms > 0, norms, 1.0))
    kinds = [variable.vtype() for variable in variables]
    binary = np.array([kind == "BINARY" for kind in kinds], bool)
    integer = np.array([kind in ("INTEGER", "IMPLINT") for kind in kinds], bool)
    weights = columns.values / norms[columns.indices]
    table = _column_table(columns, objective, solution, basis, weights, binary, integer)
    graph = RootGraph(
        table,
        _row_table(rows, objective, solution, norms),
        rows.indptr,
        rows.indices,
        (rows.values / np.repeat(norms, np.diff(rows.indptr))).astype(np.float32),
    )
    indices = np.array([variable.getIndex() for variable in variables], np.int64)
    column_of = np.full((int(indices.max()) if indices.size else 0) + 2, -1, np.int32)
    column_of[indices] = np.arange(indices.size)
    row_table, weight_table = _padded_rows(columns, np.abs(weights), rows.lower.size)
    return RootState(
        graph, column_of, _static(table), _with_zero(solution.primal), _with_zero(np.abs(objective)),
        _with_zero(np.diff(columns.indptr)), row_table, weight_table,
        native.row_pointers(scip.getNLPRows()), float(scip.getLPObjVal()), int(binary.sum() + integer.sum()), native,
    )  # fmt: skip


def _column_table(
    columns: Matrix, objective: Reals, solution: LPSolution, basis: NDArray[np.int32], weights: Reals,
    binary: NDArray[np.bool_], integer: NDArray[np.bool_],
) -> Floats:  # fmt: skip
    value, lower, upper = solution.primal, columns.lower, columns.upper
    lengths = np.diff(columns.indptr)
    least = np.maximum(lengths, 1)
    fraction = value - np.floor(value + 1e-6)
    positions = {
        "objective": _to_largest(objective),
        "is_binary": binary,
        "is_integer": integer,
        "has_lower": np.isfinite(lower),
        "has_upper": np.isfinite(upper),
        "value": _position(value, lower, upper),
        "fractionality": np.where(binary | integer, np.maximum(np.minimum(fraction, 1 - fraction), 0), 0),
        "at_lower": np.abs(value - lower) < 1e-6,
        "at_upper": np.abs(value - upper) < 1e-6,
        "is_basic": basis == 1,
        "reduced_cost": _to_largest(solution.reduced_cost),
        "log_num_rows": _centred_log(lengths),
        "mean_weight": _sums(np.abs(weights), columns.indptr) / least,
        "max_weight": _maxima(np.abs(weights), columns.indptr),
        "positive_share": _sums(weights > 0, columns.indptr) / least,
        "dual_mass": _to_largest(_sums(np.abs(weights * solution.dual[columns.indices]), columns.indptr)),
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
        "objective_cosine": _sums(rows.values * objective[rows.indices], rows.indptr) / (norms * size),
        "positive_share": _sums(rows.values > 0, rows.indptr) / np.maximum(lengths, 1),
    }
    return np.stack([features[name].astype(np.float32) for name in ROOT_ROW_FEATURES], axis=1)


def _static(table: Floats) -> Floats:
    """What nodes look up of the root's table, one row a feature, and a last column of zeros."""
    sources = ("is_binary", "objective", "value", "fractionality", "reduced_cost", "dual_mass", "log_num_rows",
               "mean_weight", "max_weight")  # fmt: skip
    chosen = table[:, [ROOT_COLUMN_FEATURES.index(name) for name in sources]].T
    return np.ascontiguousarray(np.pad(chosen, ((0, 0), (0, 1))))


def _padded_rows(columns: Matrix, weights: Reals, num_rows: int) -> tuple[NDArray[np.int32], Floats]:
    """Rows and weights of each column as a table of equal width, padded by row `num_rows` of weight 0.  A longer
    column is sampled evenly, its weights scaled up to the whole."""
    lengths = np.diff(columns.indptr).astype(np.int64)
    widest = int(lengths.max()) if lengths.size else 0
    width = max(1, min(widest, _MAX_ROWS_PER_COLUMN, _MAX_CELLS // (lengths.size + 1)))
    slot = np.arange(width)[None, :]
    stride = np.maximum(lengths, width)[:, None] / width
    taken = np.where(lengths[:, None] > width, (slot * stride).astype(np.int64), slot)
    inside = taken < lengths[:, None]
    places = np.where(inside, columns.indptr[:-1, None] + taken, 0)
    rows = np.full((lengths.size + 1, width), num_rows, np.int32)
    table = np.zeros((lengths.size + 1, width), np.float32)
    if columns.indices.size:
        rows[:-1] = np.where(inside, columns.indices[places], num_rows)
        table[:-1] = np.where(inside, weights[places] * stride, 0.0)
    return rows, table


def _sums(values: NDArray[np.float64] | NDArray[np.bool_], indptr: NDArray[np.int32]) -> Reals:
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


def _with_zero(values: NDArray[np.float64] | NDArray[np.int32]) -> Reals:
    return np.concatenate((values.astype(np.float64), [0.0]))
