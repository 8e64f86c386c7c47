"""Episodes as they were played: the decisions of one search tree with what the policy saw at each.

One .npz an episode.  The root's graph is kept once, a decision keeps its candidates: O(L) for a path of L decisions,
since a path is an index into the tree (`path`).  The cost of a decision is that of its subtree, in one of
milp.rewards.SUBTREE_COSTS:

    nodes           of the tree rooted at its node, itself included, every child without a decision counted as one
    lp_iterations   1 and the LP iterations spent on the nodes below it, which are known if the search was depth first
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from neurosolve.learn.milp_batches import NodeBatch, Root, collate_roots, root_of
from neurosolve.learn.samples import read_arrays, write_arrays

KIND = "trajectory"
NONE = -1  # no parent


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """The root's LP relaxation and D decisions with K candidates in all, in the order in which they were taken, so that
    a parent stands before its children.

    Root, as in milp.features.RootGraph: column_features float32 (n, Fc), row_features float32 (m, Fr), indptr int32
    (m + 1,), indices int32, coefficients float32.
    Of each decision (D,): number int64, SCIP's of the node; parent int32, the decision at the parent node (-1: none, as
    for the root, or SCIP branched there by itself); is_up int8, 1 for the parent's up child; depth int32; chosen
    int32, counted within the decision's own candidates; fathomed int8, children that ended without a decision; is_open
    bool, part of the subtree was never searched (a limit struck), so its size is a lower bound; lower_bound, cutoff,
    lp_objective float64 (of the transformed problem, which is minimised; infinite where there is none); processed
    int64, nodes that SCIP had processed by then; greedy bool, the choice was the network's best.
    Of each candidate: offsets int64 (D + 1,) where decision d has offsets[d] to offsets[d + 1], columns int32 (K,), the
    root column or -1, and features float16 (K, F).
    Totals: num_nodes and lp_iterations as SCIP counts them, cpu_s of SCIP's thread, wall_s of the episode, policy_s of
    the choosing; optimum, NaN where it was not told; is_complete: no limit struck; step: gradient steps of the weights
    that played; number and names of the episode; cost, what its decisions are charged in.  iterations int64 (D,), LP
    iterations that SCIP had spent by each decision; (0,) in files of an older neurosolve.
    """

    column_features: NDArray[np.float32]
    row_features: NDArray[np.float32]
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    coefficients: NDArray[np.float32]
    number: NDArray[np.int64]
    parent: NDArray[np.int32]
    is_up: NDArray[np.int8]
    depth: NDArray[np.int32]
    chosen: NDArray[np.int32]
    fathomed: NDArray[np.int8]
    is_open: NDArray[np.bool_]
    lower_bound: NDArray[np.float64]
    cutoff: NDArray[np.float64]
    lp_objective: NDArray[np.float64]
    processed: NDArray[np.int64]
    greedy: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    features: NDArray[np.float16]
    feature_version: int
    num_nodes: int
    lp_iterations: int
    cpu_s: float
    wall_s: float
    policy_s: float
    optimum: float
    is_complete: bool
    status: str
    step: int = 0
    episode: int = 0
    family: str = ""
    size: int = 0
    seed: int = 0
    name: str = ""
    cost: str = "nodes"
    iterations: NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        of_decisions = ("parent", "is_up", "depth", "chosen", "fathomed", "is_open", "lower_bound", "cutoff",
                        "lp_objective", "processed", "greedy")  # fmt: skip
        count = len(self.number)
        fits = (
            all(len(getattr(self, name)) == count for name in of_decisions)
            and (self.cost != "lp_iterations" or len(self.iterations) == count)
            and len(self.offsets) == count + 1
            and self.offsets[-1] == len(self.columns) == len(self.features)
            and len(self.indptr) == len(self.row_features) + 1
            and self.indptr[-1] == len(self.indices) == len(self.coefficients)
            and bool((self.parent < np.arange(count)).all())
            and bool((self.chosen < np.diff(self.offsets)).all())
        )
        if not fits:
            raise ValueError(f"{self.name}: the arrays of {count} decisions do not fit together")

    def __len__(self) -> int:
        return len(self.number)

    @property
    def num_columns(self) -> int:
        return len(self.column_features)

    @property
    def num_rows(self) -> int:
        return len(self.row_features)

    def candidates(self, decision: int) -> slice:
        """Where the decision's candidates stand in `columns` and `features`."""
        return slice(int(self.offsets[decision]), int(self.offsets[decision + 1]))

    def path(self, decision: int) -> NDArray[np.int64]:
        """The decisions from the root's to this one, which is the last: (depth + 1,) unless SCIP branched between."""
        found = [decision]
        while (above := int(self.parent[found[-1]])) != NONE:
            found.append(above)
        return np.asarray(found[::-1], np.int64)

    @functools.cached_property
    def own_costs(self) -> NDArray[np.float64]:
        """(D,) what each decision adds to its subtree's cost: itself, and what its children without a decision took."""
        if self.cost == "nodes":
            return 1.0 + self.fathomed.astype(np.float64)
        return 1.0 + self._iterations_below()

    @functools.cached_property
    def subtree_costs(self) -> NDArray[np.float64]:
        """(D,) of each decision's subtree: its own cost and those of the decisions below it.  Where is_open, so much at
        least."""
        costs = self.own_costs.tolist()
        for i, above in reversed(list(enumerate(self.parent.tolist()))):
            if above != NONE:
                costs[above] += costs[i]
        return np.asarray(costs, np.float64)

    def _iterations_below(self) -> NDArray[np.float64]:
        """(D,) LP iterations from each decision to the next one, which a search that is depth first spends below it;
        but for the next one's own node, which took a mean share and is its parent's."""
        spent = np.diff(self.iterations, append=self.lp_iterations).astype(np.float64)
        shares = (spent / np.maximum(np.diff(self.processed, append=self.num_nodes), 1))[:-1]
        has_parent = self.parent[1:] != NONE
        spent[:-1] -= shares
        spent += np.bincount(self.parent[1:][has_parent], shares[has_parent], len(self))
        return spent

    @functools.cached_property
    def root(self) -> Root:
        """The root's graph, ready to be collated."""
        return root_of(self)


def node_batch(picks: Sequence[tuple[Trajectory, NDArray[np.int64]]]) -> NodeBatch:
    """Decisions of some trajectories as what networks read, in the order of the picks: decision k of the concatenated
    picks is node k.  A trajectory's root is collated once for each pick of it, so pick each one once.

    target, scores and pseudocosts are the expert's and empty here.
    """
    starts = np.cumsum([0, *(t.num_columns for t, _ in picks)])
    columns, features, counts = [], [], []
    for (t, decisions), start in zip(picks, starts, strict=False):
        lengths = np.diff(t.offsets)[decisions]
        where = ragged(t.offsets[decisions], lengths)
        own = t.columns[where].astype(np.int64)
        columns.append(np.where(own >= 0, own + start, -1))
        features.append(t.features[where].astype(np.float32))
        counts.append(lengths)
    lengths = np.concatenate(counts)
    none = torch.zeros(0)
    return NodeBatch(
        root=collate_roots([t.root for t, _ in picks]),
        columns=torch.from_numpy(np.concatenate(columns)),
        features=torch.from_numpy(np.concatenate(features)),
        node=torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths)),
        num_nodes=len(lengths),
        target=none, scores=none, pseudocosts=none,
    )  # fmt: skip


def ragged(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ranges [start, start + length) one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    places: NDArray[np.int64] = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return places


def write_trajectory(trajectory: Trajectory, path: Path) -> None:
    """Whole or not at all."""
    write_arrays(KIND, trajectory, path)


def read_trajectory(path: Path) -> Trajectory:
    """Raises InputError, as read_arrays."""
    return read_arrays(KIND, Trajectory, path)
