"""The LP relaxation at the root as arrays: the network's graph, and what every node looks up by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosolve.errors import EngineError, LimitError
from neurosolve.milp.lp_graph import ROOT_COLUMN_FEATURES, Floats, Kinds, Reals, RootGraph, lp_arrays
from neurosolve.milp.native import Matrix, NativeLP

if TYPE_CHECKING:
    from pyscipopt import Model

# What a node looks up of its candidates' columns, beside the dynamic features.
STATIC_FEATURES = (
    "is_binary", "root_objective", "root_value", "root_fractionality", "root_reduced_cost", "root_dual_mass",
    "root_num_rows", "mean_weight", "max_weight",
)  # fmt: skip

MAX_NONZEROS = 5_000_000  # past which tables and graph network would take seconds
_MAX_ROWS_PER_COLUMN = 64  # rows of a column that a node looks at: longer columns are sampled evenly
_MAX_CELLS = 1 << 22  # of the padded table below: 32 MiB


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
    column_pointers: NDArray[np.uint64]
    kinds: Kinds
    lp_objective: float
    num_integers: int
    native: NativeLP


def root_graph(scip: Model) -> RootGraph:
    """The LP of the current node, as a network takes it.  Raises as root_state."""
    return root_state(scip).graph


def node_graph(root: RootState) -> RootGraph:
    """The LP of the current node on the root's columns, without the tables of root_state.

    Raises EngineError where the LP has other columns than at the root.
    """
    if not np.array_equal(root.native.column_pointers(), root.column_pointers):
        raise EngineError("this node's LP has other columns than the root's")
    return lp_arrays(root.native, root.kinds).graph


def root_state(scip: Model) -> RootState:
    """Graph and tables of the LP of the current node; call it at the first branching.

    Raises LimitError past MAX_NONZEROS, EngineError where SCIP's LP cannot be read.
    """
    native = NativeLP(scip)
    if native.num_nonzeros > MAX_NONZEROS:
        raise LimitError(f"an LP of {native.num_nonzeros} nonzeros is past the budget of {MAX_NONZEROS}")
    variables = [column.getVar() for column in scip.getLPColsData()]
    if len(variables) != native.num_columns:
        raise EngineError(f"SCIP has {len(variables)} LP columns, its LP solver {native.num_columns}")
    names = [variable.vtype() for variable in variables]
    kinds = Kinds(
        np.array([name == "BINARY" for name in names], bool),
        np.array([name in ("INTEGER", "IMPLINT") for name in names], bool),
    )
    lp = lp_arrays(native, kinds)
    indices = np.array([variable.getIndex() for variable in variables], np.int64)
    column_of = np.full((int(indices.max()) if indices.size else 0) + 2, -1, np.int32)
    column_of[indices] = np.arange(indices.size)
    row_table, weight_table = _padded_rows(lp.columns, np.abs(lp.columns.values), lp.graph.num_rows)
    return RootState(
        lp.graph, column_of, _static(lp.graph.column_features), _with_zero(lp.solution.primal),
        _with_zero(np.abs(lp.objective)), _with_zero(np.diff(lp.columns.indptr)), row_table, weight_table,
        native.row_pointers(scip.getNLPRows()), native.column_pointers(), kinds, float(scip.getLPObjVal()),
        int(kinds.binary.sum() + kinds.integer.sum()), native,
    )  # fmt: skip


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


def _with_zero(values: NDArray[np.float64] | NDArray[np.int32]) -> Reals:
    return np.concatenate((values.astype(np.float64), [0.0]))
