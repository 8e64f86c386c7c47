"""What a branching policy sees at a node: one row of features for each candidate, in well under a millisecond.

Scale-free by construction: quantities that are compared between candidates (pseudocost gains, inference scores, dual
weight of the rows, ...) are given as x / (x + mean) and x / max over the candidates of the node; the strongest also
by rank.  What does not change is looked up from tables made once at the root (root.py).
"""

from __future__ import annotations

from collections.abc import Mapping
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

_BLOCK_ENDS = np.cumsum([len(_OWN), len(_COMPARED), len(_COMPARED), _RANKED, len(STATIC_FEATURES)]).tolist()
Named = Mapping[str, NDArray[Any]]  # rows of a block, by the names above

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
    """Every block of NODE_FEATURES in turn, as views of `out` (num_features, k)."""
    own, squashed, relative, ranks, static, node = np.split(out, _BLOCK_ENDS)
    compared = np.empty((len(_COMPARED), len(variables)))
    rows, mine = dict(zip(_COMPARED, compared, strict=True)), dict(zip(_OWN, own, strict=True))
    down = values - np.floor(values)
    mine["fraction"][:] = down
    mine["fractionality"][:] = rows["fractionality"][:] = np.minimum(down, 1.0 - down)
    reliability = _histories(scip, root, variables, down, rows)
    mine["reliability_down"][:], mine["reliability_up"][:] = reliability
    mine["active_share"][:] = _rows_of(scip, root, columns, values, rows)
    rows["objective"][:], rows["num_rows"][:] = root.objective[columns], root.num_rows[columns]
    _domains(scip, root, variables, values, columns, mine)

    objective, cutoff = scip.getLPObjVal(), scip.getCutoffbound()
    bounded = cutoff < 1e20
    if bounded:
        left = max(cutoff - objective, _TINY)
        for way in ("down", "up"):
            np.divide(gain := rows[f"gain_{way}"], gain + left, out=mine[f"{way}_to_gap"], casting="same_kind")

    np.divide(compared, compared + (compared.mean(axis=1, keepdims=True) + _TINY), out=squashed, casting="same_kind")
    np.divide(compared, compared.max(axis=1, keepdims=True) + _TINY, out=relative, casting="same_kind")
    count = len(variables)
    order = np.argsort(np.argsort(compared[:_RANKED], axis=1), axis=1)
    np.divide(order, max(count - 1, 1), out=ranks, casting="same_kind")
    static[:] = root.static[:, columns]
    depth = scip.getDepth()
    closed = (objective - root.lp_objective) / max(cutoff - root.lp_objective, _TINY) if bounded else 0.0
    node[:] = np.array(
        [
            depth / (depth + 10.0), min(max(closed, 0.0), 1.0), bounded, np.log10(count) / 3.0,
            count / max(root.num_integers, 1), reliability.mean(),
        ]
    )[:, None]  # fmt: skip


def _histories(scip: Model, root: RootState, variables: list[Any], down: Reals, rows: Named) -> Reals:
    """Into `rows` what SCIP's histories expect of branching; returns how far they are to be trusted (in 0..1), down and
    up (2, k)."""
    pseudocost = scip.getVarPseudocost
    np.multiply([pseudocost(v, 0) for v in variables], down, out=rows["gain_down"])
    np.multiply([pseudocost(v, 1) for v in variables], 1.0 - down, out=rows["gain_up"])
    floored = np.maximum(rows["gain_down"], _LEAST_GAIN), np.maximum(rows["gain_up"], _LEAST_GAIN)
    np.multiply(floored[0], floored[1], out=rows["score"])
    np.minimum(rows["gain_down"], rows["gain_up"], out=rows["smaller_gain"])
    found = root.native.variable_scores([v.ptr() for v in variables])
    rows["inference"][:], rows["conflict"][:], updates = found[0], found[1], found[2:4]
    return np.asarray(updates / (updates + _RELIABLE))


def _domains(
    scip: Model, root: RootState, variables: list[Any], values: Reals, columns: NDArray[np.int32], own: Named
) -> None:
    """Width of the domain, and how far the LP value is from the root's, from the incumbents' mean and the incumbent."""
    width = np.array([v.getUbLocal() for v in variables]) - [v.getLbLocal() for v in variables]
    own["log_domain"][:] = np.log1p(np.minimum(width, 1e6))
    own["from_root_value"][:] = np.where(columns >= 0, values - root.values[columns], 0.0)
    if scip.getNSols():
        best, value = scip.getBestSol(), scip.getSolVal
        own["from_average"][:] = values - [v.getAvgSol() for v in variables]
        own["from_incumbent"][:] = values - [value(best, v) for v in variables]
    for name in ("from_root_value", "from_average", "from_incumbent"):
        np.clip(own[name], -1.0, 1.0, out=own[name])


def _rows_of(
    scip: Model, root: RootState, columns: NDArray[np.int32], values: Reals, compared: Named
) -> NDArray[np.float64] | float:
    """The share of each candidate's root rows that are active now; into `compared` the dual weight of its rows and how
    many other candidates stand in its active rows, on average.  Zeros where the LP in memory is not this node's."""
    compared["dual_mass"][:] = compared["coupling"][:] = 0.0
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
    np.einsum("ij,ij->i", weights, weighed, out=compared["dual_mass"])
    active = weighed > 1e-9
    num_active = active.sum(axis=1)
    crowd = np.bincount(rows.ravel(), minlength=dual.size)[rows]
    np.divide((crowd * active).sum(axis=1), np.maximum(num_active, 1), out=compared["coupling"])
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
