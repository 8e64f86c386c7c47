"""What a branching policy sees at a node: one row of features for each candidate, in well under a millisecond.

Scale-free by construction: quantities that are compared between candidates (pseudocost gains, inference scores, dual
weight of the rows, ...) are given as x / (x + mean) and x / max over the candidates of the node; the strongest also
by rank.  What does not change is looked up from tables made once at the root (root.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosolve.milp.lp_graph import ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES, Floats, Reals, RootGraph
from neurosolve.milp.root import STATIC_FEATURES, RootState, node_graph, root_graph, root_state

if TYPE_CHECKING:
    from pyscipopt import Model

__all__ = [
    "FEATURE_VERSION", "NODE_FEATURES", "ROOT_COLUMN_FEATURES", "ROOT_ROW_FEATURES", "Candidates", "RootGraph",
    "RootState", "bare_candidates", "node_features", "node_graph", "root_graph", "root_state",
]  # fmt: skip

FEATURE_VERSION = 1  # one more whenever an array below or in root.py changes its meaning

_COMPARED = (
    "score", "gain_down", "gain_up", "smaller_gain", "inference", "conflict", "dual_mass", "coupling", "objective",
    "num_rows", "fractionality",
)  # fmt: skip
_RANKED = 4  # the first rows of _COMPARED, by rank
_OWN = (
    "fraction", "fractionality", "down_to_gap", "up_to_gap", "reliability_down", "reliability_up", "log_domain",
    "from_root_value", "from_average", "from_incumbent", "active_share",
)  # fmt: skip
_NODE = ("depth", "gap_closed", "has_incumbent", "log_num_candidates", "fractional_share", "mean_reliability")

NODE_FEATURES = (
    *_OWN,
    *(f"{name}_to_mean" for name in _COMPARED),
    *(f"{name}_to_max" for name in _COMPARED),
    *(f"{name}_rank" for name in _COMPARED[:_RANKED]),
    *STATIC_FEATURES,
    *_NODE,
)

_RELIABLE = 4.0  # updates at which a pseudocost counts as half reliable
_TINY = 1e-12
_LEAST_GAIN = 1e-6  # as SCIP's product score


@dataclass(frozen=True)
class Candidates:
    """The k variables that may be branched on.  columns int32 (k,): root LP columns, -1 for a variable that was none.
    features float32 (k, len(NODE_FEATURES)).  variables: PySCIPOpt's, in the same order."""

    columns: NDArray[np.int32]
    features: Floats
    variables: list[Any]

    def __len__(self) -> int:
        return len(self.variables)


def node_features(scip: Model, root: RootState) -> Candidates:
    """The candidates of the current node that SCIP lets a rule choose among (those of highest branching priority).

    Implied integers are not among them.  Numbers come as SCIP gives them: who uses the features checks for NaN.
    """
    variables, values, columns = _offered(scip, root)
    out = np.zeros((len(NODE_FEATURES), len(variables)), np.float32)
    if variables:
        _fill(scip, root, variables, values, columns, out)
    return Candidates(columns, out.T, variables)


def bare_candidates(scip: Model, root: RootState) -> Candidates:
    """The same candidates without features, (k, 0)."""
    variables, _, columns = _offered(scip, root)
    return Candidates(columns, np.empty((len(variables), 0), np.float32), variables)


def _offered(scip: Model, root: RootState) -> tuple[list[Any], Reals, NDArray[np.int32]]:
    """Variables, their LP values and their root columns."""
    variables, values, _, _, num_priority, _ = scip.getLPBranchCands()
    if num_priority < len(variables):
        variables, values = variables[:num_priority], values[:num_priority]
    indices = np.array([v.getIndex() for v in variables], np.int64)
    return variables, np.array(values), root.column_of[np.minimum(indices, root.column_of.size - 1)]


def _fill(
    scip: Model, root: RootState, variables: list[Any], values: Reals, columns: NDArray[np.int32], out: Floats
) -> None:
    count, own, compared = len(variables), out[: len(_OWN)], np.empty((len(_COMPARED), len(variables)))
    down = values - np.floor(values)
    up = 1.0 - down
    pseudocost = scip.getVarPseudocost
    gains = compared[1:3]
    np.multiply([pseudocost(v, 0) for v in variables], down, out=gains[0])
    np.multiply([pseudocost(v, 1) for v in variables], up, out=gains[1])
    floored = np.maximum(gains, _LEAST_GAIN)
    np.multiply(floored[0], floored[1], out=compared[0])
    np.minimum(gains[0], gains[1], out=compared[3])
    scores = root.native.variable_scores([v.ptr() for v in variables])
    compared[4:6] = scores[:2]
    own[10] = _rows_of(scip, root, columns, values, compared[6:8])
    compared[8], compared[9] = root.objective[columns], root.num_rows[columns]
    own[0] = down
    own[1] = compared[10] = np.minimum(down, up)

    objective, cutoff = scip.getLPObjVal(), scip.getCutoffbound()
    bounded = cutoff < 1e20
    if bounded:
        own[2:4] = gains / (gains + max(cutoff - objective, _TINY))
    reliability = scores[2:4] / (scores[2:4] + _RELIABLE)
    own[4:6] = reliability
    _domains(scip, root, variables, values, columns, own)

    begin = len(_OWN)
    squashed, relative = out[begin : begin + len(_COMPARED)], out[begin + len(_COMPARED) : begin + 2 * len(_COMPARED)]
    np.divide(compared, compared + (compared.mean(axis=1, keepdims=True) + _TINY), out=squashed, casting="same_kind")
    np.divide(compared, compared.max(axis=1, keepdims=True) + _TINY, out=relative, casting="same_kind")
    begin += 2 * len(_COMPARED)
    ranks = np.argsort(np.argsort(compared[:_RANKED], axis=1), axis=1)
    np.divide(ranks, max(count - 1, 1), out=out[begin : begin + _RANKED], casting="same_kind")
    begin += _RANKED
    out[begin : begin + len(STATIC_FEATURES)] = root.static[:, columns]
    depth = scip.getDepth()
    closed = (objective - root.lp_objective) / max(cutoff - root.lp_objective, _TINY) if bounded else 0.0
    out[begin + len(STATIC_FEATURES) :] = np.array(
        [
            depth / (depth + 10.0), min(max(closed, 0.0), 1.0), bounded, np.log10(count) / 3.0,
            count / max(root.num_integers, 1), reliability.mean(),
        ]
    )[:, None]  # fmt: skip


def _domains(
    scip: Model, root: RootState, variables: list[Any], values: Reals, columns: NDArray[np.int32], own: Floats
) -> None:
    """Width of the domain, and how far the LP value is from the root's, from the incumbents' mean and the incumbent."""
    width = np.array([v.getUbLocal() for v in variables]) - [v.getLbLocal() for v in variables]
    own[6] = np.log1p(np.minimum(width, 1e6))
    own[7] = np.where(columns >= 0, values - root.values[columns], 0.0)
    if scip.getNSols():
        best, value = scip.getBestSol(), scip.getSolVal
        own[8] = values - [v.getAvgSol() for v in variables]
        own[9] = values - [value(best, v) for v in variables]
    np.clip(own[7:10], -1.0, 1.0, out=own[7:10])


def _rows_of(
    scip: Model, root: RootState, columns: NDArray[np.int32], values: Reals, out: Reals
) -> NDArray[np.float64] | float:
    """The share of each candidate's root rows that are active now; into `out` (2, k) the dual weight of its rows and
    how many other candidates stand in its active rows, on average.  Zeros where the LP in memory is not this node's."""
    out[:] = 0.0
    solution = root.native.solution()
    if solution is None or solution.primal.size < root.graph.num_columns:
        return 0.0
    known = columns >= 0
    if np.abs(solution.primal[columns[known]] - values[known]).max(initial=0.0) > 1e-6:
        return 0.0
    dual = np.zeros(root.graph.num_rows + 1)
    places, kept = _row_places(scip, root, solution.dual.size)
    dual[places] = np.abs(solution.dual[kept])
    rows, weights = root.rows[columns], root.weights[columns]
    weighed = dual[rows]
    np.einsum("ij,ij->i", weights, weighed, out=out[0])
    active = weighed > 1e-9
    num_active = active.sum(axis=1)
    crowd = np.bincount(rows.ravel(), minlength=dual.size)[rows]
    np.divide((crowd * active).sum(axis=1), np.maximum(num_active, 1), out=out[1])
    shares: NDArray[np.float64] = num_active / np.maximum((weights > 0).sum(axis=1), 1)
    return shares


def _row_places(scip: Model, root: RootState, num_rows: int) -> tuple[Any, Any]:
    """Root positions of the rows that are in the LP now, and their positions now."""
    known = root.row_pointers
    if scip.getNLPRows() != num_rows:
        return slice(0, 0), slice(0, 0)
    now = root.native.row_pointers(num_rows)
    common = min(now.size, known.size)
    if np.array_equal(now[:common], known[:common]):
        return slice(0, common), slice(0, common)
    _, places, kept = np.intersect1d(known, now, assume_unique=True, return_indices=True)
    return places, kept
